"""Check a receipt offline. Needs `pip install "pyjwt[crypto]"`.

Remember each `jti` until `exp`: without that, a receipt can be shown twice.
"""

import json
import sys

import jwt

receipt, jwks_url, iss, aud, customer_id, purpose, reference = sys.argv[1:]
key = jwt.PyJWKClient(jwks_url).get_signing_key_from_jwt(receipt)
token = jwt.decode_complete(receipt, key, algorithms=["ES256"], issuer=iss, audience=aud, leeway=5)
claims = token["payload"]
expected = {"sub": customer_id, "purpose": purpose, "reference": reference}
is_expected = all(claims.get(name, "") == value for name, value in expected.items())
if token["header"].get("typ") != "verification-receipt+jwt" or not is_expected:
    sys.exit("This receipt proves something else.")
print(json.dumps(claims))

"""`make okta-jwks`: print the public key set of the OAuth service app, as KMS has it.

For an app whose keys are saved in Okta. Otherwise Okta fetches the same key from the output JwksUrl.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from deploy.stack import Problem, client, explained, find, run, session, stack_name
from verification import jws

OUTPUT = "OktaAppKeyArn"


def print_keys(environ: Mapping[str, str]) -> None:
    """Print a JSON Web Key Set with one key. Raises Problem."""
    aws = session(environ)
    stack = find(aws, stack_name(environ))
    if stack.status and OUTPUT not in stack.outputs:
        raise Problem(
            f'The stack "{stack.name}" has no key for a service app. Deploy '
            'PARAMETERS=OktaCredential=prepare first (docs/okta.md, "From the token to a service app").'
        )
    key_id = stack.output(OUTPUT)
    with explained("read the public key (kms:GetPublicKey)"):
        public_key = client(aws, "kms").get_public_key(KeyId=key_id)["PublicKey"]
    print(json.dumps({"keys": [jws.jwk(jws.kid_of(key_id), public_key)]}, indent=2))


if __name__ == "__main__":
    run(print_keys)

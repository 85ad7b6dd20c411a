// Check a receipt offline. Needs `npm install jose`.
// Remember each `jti` until `exp`: without that, a receipt can be shown twice.
import { createRemoteJWKSet, jwtVerify } from "jose";

const [receipt, jwksUrl, issuer, audience, sub, purpose, reference] = process.argv.slice(2);
const { payload: claims } = await jwtVerify(receipt, createRemoteJWKSet(new URL(jwksUrl)), {
  ...{ algorithms: ["ES256"], typ: "verification-receipt+jwt", issuer, audience },
  ...{ requiredClaims: ["exp", "jti"], maxTokenAge: "30 minutes", clockTolerance: 5 },
});
const expected = Object.entries({ sub, purpose, reference });
if (expected.some(([name, value]) => (claims[name] ?? "") !== value)) {
  throw new Error("This receipt proves something else.");
}
console.log(JSON.stringify(claims));

// A program that uses Okta's unmodified management SDK for Node to create, list, change and delete users.
//
//     node users.js <URL of the org> <API token>
//
// It prints what it saw as JSON; test_okta_sdk.py runs it and judges.

import okta from "@okta/okta-sdk-nodejs";
import about from "@okta/okta-sdk-nodejs/package.json" with { type: "json" };

const [orgUrl, token] = process.argv.slice(2);
const { userApi } = new okta.Client({ orgUrl, token });

const login = "mary.jackson@example.com";
const profile = { login, email: login, firstName: "Mary", lastName: "Jackson" };
const password = { value: "Battery-Staple-9" };
const names = (user) => [user.profile.firstName, user.profile.nickName ?? null];

const created = await userApi.createUser({ body: { profile, credentials: { password } } });
const seen = { release: about.version.split(".")[0] };
seen.created = [created.status, created.profile.login];
const userId = created.id;

const logins = [];
await (await userApi.listUsers({ limit: 4 })).each((user) => void logins.push(user.profile.login));
seen.pages = [];
while (logins.length) seen.pages.push(logins.splice(0, 4));

seen.found = [];
const found = await userApi.listUsers({ filter: `profile.login eq "${login}"` });
await found.each((user) => void seen.found.push(user.id === userId));

seen.update_user = names(await userApi.updateUser({ userId, user: { profile: { nickName: "Mac" } } }));
const user = { profile: { ...profile, firstName: "Maria" } };
seen.replace_user = names(await userApi.replaceUser({ userId, user }));

seen.expired = (await userApi.expirePassword({ userId })).status;
const changePasswordRequest = { oldPassword: password, newPassword: { value: "Other-Horse-8" } };
await userApi.changePassword({ userId, changePasswordRequest });
seen.changed = (await userApi.getUser({ userId })).status;
const forgotten = await userApi.forgotPassword({ userId, sendEmail: false });
seen.forgotten = new URL(forgotten.resetPasswordUrl).pathname.split("/").slice(0, -1).join("/");
await userApi.resetFactors({ userId });

await userApi.deleteUser({ userId });
seen.deactivated = (await userApi.getUser({ userId })).status;
await userApi.deleteUser({ userId });
seen.deleted = await userApi.getUser({ userId }).catch((error) => [error.status, error.errorCode]);

console.log(JSON.stringify(seen));

// After every request: the tokens of a login go with the next ones, and those of a session that has ended do not.
const isJson = (pm.response.headers.get("Content-Type") || "").startsWith("application/json");
const answer = isJson && pm.response.text() ? pm.response.json() : {};
if (answer.access && answer.refresh) {
  pm.collectionVariables.set("access_token", answer.access);
  pm.collectionVariables.set("refresh_token", answer.refresh);
  pm.collectionVariables.set("user_id", JSON.parse(require("atob")(answer.access.split(".")[1])).user_id);
}
if (pm.response.code === 401) {
  ["access_token", "refresh_token", "staff_token"].forEach((name) => pm.collectionVariables.set(name, ""));
}

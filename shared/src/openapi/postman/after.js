// After every request: the tokens of a login go with the next ones.
const isJson = (pm.response.headers.get("Content-Type") || "").startsWith("application/json");
const answer = isJson && pm.response.text() ? pm.response.json() : {};
if (answer.access && answer.refresh) {
  pm.collectionVariables.set("access_token", answer.access);
  pm.collectionVariables.set("refresh_token", answer.refresh);
  pm.collectionVariables.set("user_id", JSON.parse(require("atob")(answer.access.split(".")[1])).user_id);
}

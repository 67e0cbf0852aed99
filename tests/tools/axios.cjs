// Clients that keep their first refresh token, with axios and axios-auth-refresh, against a stack with Compatibility=django.
const assert = require("node:assert/strict");
const http = require("node:http");
const axios = require("axios");
const { createAuthRefresh } = require("axios-auth-refresh");

const { API, USERNAME, PASSWORD } = process.env;
const EXPIRED = "e30.e30.e30";

/// A tab of a browser: tokens in memory, and new access tokens by its first refresh token.
function tab(tokens) {
  const client = axios.create({ baseURL: API });
  const state = { access: tokens.access, refreshes: 0 };
  client.interceptors.request.use((config) => {
    config.headers.Authorization = `Bearer ${state.access}`;
    return config;
  });
  createAuthRefresh(client, async (failed) => {
    const { data } = await axios.post(`${API}/token/refresh/`, { refresh: tokens.refresh });
    state.access = data.access;
    state.refreshes += 1;
    failed.response.config.headers.Authorization = `Bearer ${data.access}`;
    // Otherwise the library gives up requests that fail while another one refreshes.
  }, { deduplicateRefresh: false });
  return { client, state, expire: () => (state.access = EXPIRED) };
}

/// Sends a refresh and hangs up before the answer is there.
function loseAnswer(refresh) {
  return new Promise((resolve) => {
    const body = JSON.stringify({ refresh });
    const request = http.request(`${API}/token/refresh/`, {
      method: "POST",
      headers: { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(body) },
    });
    request.on("error", resolve);
    request.on("response", (response) => {
      response.destroy();
      resolve();
    });
    request.end(body);
  });
}

async function main() {
  const login = () => axios.post(`${API}/token/`, { username: USERNAME, password: PASSWORD });
  const { data: tokens } = await login();

  const one = tab(tokens);
  for (let turn = 1; turn <= 5; turn += 1) {
    one.expire();
    const { data } = await one.client.get("/profile/");
    assert.equal(data.username, USERNAME);
    assert.equal(one.state.refreshes, turn);
  }
  // Requests that fail together are all repeated.
  one.expire();
  await Promise.all([...Array(5)].map(() => one.client.get("/profile/")));
  assert.ok(one.state.refreshes >= 6);

  const two = tab(tokens);
  for (let turn = 0; turn < 3; turn += 1) {
    one.expire();
    two.expire();
    await Promise.all([one.client.get("/profile/"), two.client.get("/profile/")]);
  }

  await loseAnswer(tokens.refresh);
  one.expire();
  await one.client.get("/profile/");
  await axios.post(`${API}/token/verify/`, { token: tokens.refresh });

  // What ends a session ends it for both tabs.
  await two.client.post("/logout/", { refresh_token: tokens.refresh });
  for (const { client } of [one, two]) {
    const refused = await client.get("/profile/").catch((error) => error);
    assert.equal(refused.response.status, 401);
  }
  await login();
}

main().catch((error) => {
  console.error(error.config?.url, error.response?.data, error);
  process.exit(1);
});

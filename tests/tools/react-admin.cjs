// React-admin's data provider for Django REST Framework, as its documentation sets it up, against the employees of a stack with
// Compatibility=django and ListFormat=page.
const assert = require("node:assert/strict");

const kept = new Map();
globalThis.localStorage = {
  getItem: (name) => kept.get(name) ?? null,
  setItem: (name, value) => kept.set(name, value),
  removeItem: (name) => kept.delete(name),
};

const {
  default: drfProvider,
  fetchJsonWithAuthJWTToken,
  jwtTokenAuthProvider,
} = require("ra-data-django-rest-framework");

const { API, USERNAME, PASSWORD } = process.env;
const EMPLOYEES = 25;

async function main() {
  const auth = jwtTokenAuthProvider({ obtainAuthTokenUrl: `${API}/token/` });
  await auth.login({ username: USERNAME, password: PASSWORD });
  const provider = drfProvider(API, fetchJsonWithAuthJWTToken);

  const made = [];
  for (let n = 0; n < EMPLOYEES; n += 1) {
    const data = { first_name: `Name${n}`, last_name: "Lovelace", phone_number: `98811676${String(n).padStart(2, "0")}` };
    made.push((await provider.create("employees", { data })).data);
  }
  assert.ok(made.every(({ id }) => Number.isInteger(id)), "ids are integers");
  const ids = made.map(({ id }) => id);

  const list = (page, perPage, order = "ASC", filter = {}) =>
    provider.getList("employees", { pagination: { page, perPage }, sort: { field: "id", order }, filter });
  const pages = [];
  for (let page = 1; page <= 3; page += 1) {
    const { data, total } = await list(page, 10);
    assert.equal(total, EMPLOYEES);
    pages.push(...data.map(({ id }) => id));
  }
  assert.deepEqual(pages, ids, "the pages together are the list");
  assert.equal((await list(1, 10, "DESC")).data[0].id, ids.at(-1));
  assert.deepEqual((await list(1, 10, "ASC", { q: "Name24" })).data.map(({ id }) => id), [ids.at(-1)]);
  await assert.rejects(list(4, 10), { status: 404, body: { detail: "Invalid page." } });

  const owner = made[0].owner;
  const reference = (id) =>
    provider.getManyReference("employees", {
      target: "owner",
      id,
      pagination: { page: 1, perPage: 10 },
      sort: { field: "id", order: "ASC" },
      filter: {},
    });
  assert.equal((await reference(owner)).total, EMPLOYEES);
  assert.deepEqual(await reference(owner + 1000), { data: [], total: 0 });

  const { data: one } = await provider.getOne("employees", { id: ids[3] });
  assert.deepEqual(one, made[3]);
  const { data: many } = await provider.getMany("employees", { ids: [ids[5], ids[4]] });
  assert.deepEqual(many, [made[5], made[4]]);
  const { data: user } = await provider.getOne("users", { id: owner });
  assert.equal(user.username, USERNAME);

  // It sends the whole record back, with what was changed.
  const changed = { ...one, job_title: "Mathematician" };
  const { data: updated } = await provider.update("employees", { id: one.id, data: changed, previousData: one });
  assert.deepEqual(updated, { ...changed, updated_at: updated.updated_at });
  const { data: updatedIds } = await provider.updateMany("employees", { ids: ids.slice(0, 2), data: { department: "Engines" } });
  assert.deepEqual(updatedIds, ids.slice(0, 2));

  await provider.delete("employees", { id: one.id, previousData: updated });
  await provider.deleteMany("employees", { ids: ids.slice(0, 2) });
  const { data: left, total } = await list(1, 50);
  assert.equal(total, EMPLOYEES - 3);
  assert.deepEqual(left.map(({ id }) => id), ids.filter((id) => id !== one.id).slice(2));

  const gone = await provider.getOne("employees", { id: one.id }).catch((error) => error);
  assert.equal(gone.status, 404);
  await auth.checkError(gone);
  assert.ok(await auth.checkAuth().then(() => true));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});

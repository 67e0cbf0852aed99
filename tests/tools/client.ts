// What a program may do with the types that are generated: it need not run, only compile.
import type { components, paths } from "./openapi";

type Login = paths["/api/token"]["post"];

const body: NonNullable<Login["requestBody"]>["content"]["application/json"] = { username: "ada", password: "secret" };
const tokens: Login["responses"][200]["content"]["application/json"] = { refresh: "a", access: "b" };
const born = (user: components["schemas"]["User"]): string | null => user.date_of_birth;
const names = (page: components["schemas"]["Employees"]): string[] => page.results.map(({ first_name }) => first_name);

export { body, born, names, tokens };

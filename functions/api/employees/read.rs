//! `GET /api/employees/{id}`: one employee, for their owner, staff and, where employees are visible to all, any user.

use shared::{App, Reply, Request, Viewer, employee::Record, json_in_version};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::serve(read).await
}

async fn read(_: &App, Viewer { record, .. }: Viewer<Record>, _: Request) -> Reply {
    json_in_version(200, &record.employee, record.version)
}

#[cfg(contract)]
pub fn contract() -> contract::Operation {
    use contract::{Group::Employees, NOT_FOUND, an_employee, get, shown_in_version, such_as};

    get(Employees, "/api/employees/{id}", "An employee")
        .by_user()
        .refuses(&[NOT_FOUND])
        .answers(200, such_as(shown_in_version("The employee.", "Employee"), &an_employee()))
}

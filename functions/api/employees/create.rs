//! `POST /api/employees`: makes an employee's record, which is the caller's own; for any user.

use shared::{
    App, CallerWith, EmployeeBody, NewEmployee, Reply, Request,
    audit::{self, Changed, Event},
    employee, json_in_version,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::serve(create).await
}

async fn create(app: &App, with: CallerWith<EmployeeBody, NewEmployee>, request: Request) -> Reply {
    let CallerWith { caller, rows: EmployeeBody { form, holders }, beside: NewEmployee(id) } = with;
    let (fields, mut form) = form?;
    form.complain_all(holders.complaints(None));
    form.check()?;
    let Some(id) = id else { return Err(form.complaints()) };
    let record = employee::create(&app.db, id?, caller.id(), &fields, holders).await?;
    let id = Changed::Employee(record.employee.id);
    audit::change(Event::EmployeeCreated, Some(caller.id()), id, &fields.given(), request.ip());
    json_in_version(201, &record.employee, record.version)
}

#[cfg(contract)]
pub fn contract() -> contract::Operation {
    use contract::{Group::Employees, an_employee, complete_employee, post, shown_in_version, such_as};
    use serde_json::json;

    let new = json!({
        "first_name": "Basavraj",
        "last_name": "Ningadali",
        "phone_number": "1234567890",
        "department": "Engineering",
    });
    post(Employees, "/api/employees", "Add an employee")
        .by_user()
        .takes(complete_employee(), &[new])
        .answers(201, such_as(shown_in_version("The new employee.", "Employee"), &an_employee()))
}

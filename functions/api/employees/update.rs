//! `PUT` and `PATCH /api/employees/{id}`: changes an employee, for their owner or staff.

use shared::{
    App, CallerWith, EmployeeBody, Error, Reply, Request,
    audit::{self, Changed, Event},
    employee::{self, Record},
    json_in_version,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::serve(update).await
}

async fn update(app: &App, with: CallerWith<(Option<Record>, EmployeeBody)>, request: Request) -> Reply {
    let CallerWith { caller, rows: (record, EmployeeBody { form, holders }), .. } = with;
    let (fields, mut form) = form?;
    if let Some(record) = &record {
        form.complain_all(holders.complaints(Some(record.employee.id)));
    }
    form.check()?;
    let record = record.ok_or(Error::NotFound("Employee"))?;
    let (record, changed) =
        employee::update(&app.db, record, &fields, holders, &request.precondition()).await?;
    if !changed.is_empty() {
        let id = Changed::Employee(record.employee.id);
        let changed: Vec<_> = changed.iter().map(String::as_str).collect();
        audit::change(Event::EmployeeChanged, Some(caller.id()), id, &changed, request.ip());
    }
    json_in_version(200, &record.employee, record.version)
}

#[cfg(contract)]
pub fn contract() -> [contract::Operation; 2] {
    use contract::{
        FORBIDDEN, Group::Employees, NOT_FOUND, Operation, body, complete_employee, employee_fields, patch,
        put, shown_in_version,
    };
    use serde_json::json;

    let changed = |operation: Operation, body, example| {
        operation
            .by_user()
            .in_version()
            .takes(body, &[example])
            .refuses(&[FORBIDDEN, NOT_FOUND])
            .answers(200, shown_in_version("The employee as they then are.", "Employee"))
    };
    [
        changed(
            put(Employees, "/api/employees/{id}", "Change an employee"),
            complete_employee(),
            json!({
                "first_name": "Basavraj",
                "last_name": "Ningadali",
                "phone_number": "1234567890",
                "department": "Engineering",
            }),
        ),
        changed(
            patch(Employees, "/api/employees/{id}", "Change some fields of an employee")
                .called("api-employees-partial-update"),
            body("PartialEmployee", &[], employee_fields()),
            json!({ "job_title": "Engineer" }),
        ),
    ]
}

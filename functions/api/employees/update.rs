//! `PUT` and `PATCH /api/employees/{id}`: changes an employee, for their owner or staff.

use shared::{
    App, Bearer, Error, Reply, Request,
    audit::{self, Changed, Event},
    employee::{self, Fields},
    json_in_version,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::serve(update).await
}

async fn update(app: &App, bearer: Bearer, request: Request) -> Reply {
    let is_put = request.method() == "PUT";
    let form = request.form().and_then(|mut form| Ok((Fields::read(&mut form, is_put)?, form)));
    let names = form.as_ref().map(|(fields, _)| fields.names()).unwrap_or_default();
    let (caller, record, holders) = employee::find_for(app, &bearer, request.path("id"), &names).await?;
    let (fields, mut form) = form?;
    if let Some(record) = &record {
        form.complain_all(holders.complaints(Some(record.employee.id)));
    }
    form.check()?;
    let record = record.ok_or(Error::NotFound("Employee"))?;
    let (record, changed) = employee::update(app, record, &fields, holders, &request.precondition()).await?;
    if !changed.is_empty() {
        let id = Changed::Employee(record.employee.id);
        let changed: Vec<_> = changed.iter().map(String::as_str).collect();
        audit::change(Event::EmployeeChanged, Some(caller.id()), id, &changed, request.ip());
    }
    json_in_version(200, &record.employee, record.version)
}

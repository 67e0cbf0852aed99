//! `DELETE /api/employees/{id}`: deletes an employee's record, for their owner or staff; its names are free again.

use shared::{
    App, OwnOrStaff, Reply, Request,
    audit::{self, Changed, Event},
    employee::{self, Record},
    no_content,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::serve(delete).await
}

async fn delete(app: &App, of: OwnOrStaff<Record>, request: Request) -> Reply {
    let (caller, id) = (of.caller, of.record.employee.id);
    employee::delete(&app.db, of.record, &request.precondition()).await?;
    audit::change(Event::EmployeeDeleted, Some(caller.id()), Changed::Employee(id), &[], request.ip());
    no_content()
}

#[cfg(contract)]
pub fn contract() -> contract::Operation {
    use contract::{FORBIDDEN, Group::Employees, NOT_FOUND, delete, nothing};

    delete(Employees, "/api/employees/{id}", "Delete an employee")
        .about("The phone number and the e-mail address are free again.")
        .by_user()
        .in_version()
        .refuses(&[FORBIDDEN, NOT_FOUND])
        .answers(204, nothing("The employee is gone."))
}

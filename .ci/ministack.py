"""What .ci/deployment asks of the emulator beside the API.

adopt ENDPOINT STACK              makes empty tables of the shape of the stack's, and prints the parameters that adopt them
prepare ENDPOINT STACK PASSWORD   lets it send mail, makes the staff user `admin`, and prints the API's URL
newest ENDPOINT ADDRESS           prints the newest message to an e-mail address or a phone number
"""

import json
import sys
import urllib.request


def session():
    import boto3

    return boto3.Session(aws_access_key_id="000000000000", aws_secret_access_key="test", region_name="us-east-1")


def adopt(endpoint: str, stack: str) -> None:
    with open(stack) as file:
        tables = json.load(file)["resources"]
    dynamodb = session().client("dynamodb", endpoint_url=endpoint)
    for name in ("Users", "Employees", "Tokens"):
        table = dynamodb.describe_table(TableName=tables[name])["Table"]
        shape = {key: table[key] for key in ("AttributeDefinitions", "KeySchema")}
        if indexes := table.get("GlobalSecondaryIndexes"):
            shape["GlobalSecondaryIndexes"] = [
                {key: index[key] for key in ("IndexName", "KeySchema", "Projection")} for index in indexes
            ]
        dynamodb.create_table(TableName=f"restored-{name}", BillingMode="PAY_PER_REQUEST", **shape)
        print(f"--parameter Existing{name}Table=restored-{name}")
    # The journeys are made again from the same address, to the same numbers: what was counted is forgotten.
    counters = dynamodb.get_paginator("scan").paginate(TableName=tables["Throttles"], ProjectionExpression="pk")
    for counter in (item for page in counters for item in page["Items"]):
        dynamodb.delete_item(TableName=tables["Throttles"], Key={"pk": counter["pk"]})


def prepare(endpoint: str, stack: str, password: str) -> None:
    with open(stack) as file:
        deployed = json.load(file)
    ses = session().client("sesv2", endpoint_url=endpoint)
    if not ses.list_email_identities()["EmailIdentities"]:
        ses.create_email_identity(EmailIdentity="no-reply@example.com")
    superuser = {"username": "admin", "email": "admin@example.com", "password": password}
    made = session().client("lambda", endpoint_url=endpoint).invoke(
        FunctionName=deployed["resources"]["CreateSuperuser"], Payload=json.dumps(superuser)
    )
    answer = json.load(made["Payload"])
    if "FunctionError" in made or not answer["created"]:
        sys.exit(f"no superuser was made: {answer}")
    print(deployed["apis"]["Api"]["base_url"])


def newest(endpoint: str, address: str) -> None:
    def get(path: str) -> dict:
        with urllib.request.urlopen(f"{endpoint}/_ministack/{path}") as answer:
            return json.load(answer)

    if "@" in address:
        accounts = get("ses/messages")["messages"].values()
        texts = [mail["BodyText"] for mails in accounts for mail in mails if address in mail["To"]]
    else:
        texts = [text["Message"] for text in get("sns/sms-messages")["sms_messages"].get(address, [])]
    print(*texts[-1:])


if __name__ == "__main__":
    {"adopt": adopt, "prepare": prepare, "newest": newest}[sys.argv[1]](*sys.argv[2:])

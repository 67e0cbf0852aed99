"""What .ci/deployment asks of the emulator beside the API.

prepare ENDPOINT STACK PASSWORD   lets it send mail, makes the staff user `admin`, and prints the API's URL
newest ENDPOINT ADDRESS           prints the newest message to an e-mail address or a phone number
"""

import json
import sys
import urllib.request


def prepare(endpoint: str, stack: str, password: str) -> None:
    import boto3

    with open(stack) as file:
        deployed = json.load(file)
    session = boto3.Session(aws_access_key_id="000000000000", aws_secret_access_key="test", region_name="us-east-1")
    session.client("sesv2", endpoint_url=endpoint).create_email_identity(EmailIdentity="no-reply@example.com")
    superuser = {"username": "admin", "email": "admin@example.com", "password": password}
    made = session.client("lambda", endpoint_url=endpoint).invoke(
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
    {"prepare": prepare, "newest": newest}[sys.argv[1]](*sys.argv[2:])

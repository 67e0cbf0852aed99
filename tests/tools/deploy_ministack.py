#!/usr/bin/env python3
"""Deploy a SAM template with built Rust Lambda binaries to a local ministack.

    deploy_ministack.py template.yaml --binaries target/lambda [--parameter K=V ...]

What it does, in order:
  1. reads the SAM template and finds the built binary of every function;
  2. uploads one zip per binary (named by its hash) to the emulator's S3;
  3. expands the template to plain CloudFormation with samtranslator;
  4. adapts the result to what the emulator can run:
       - AWS_ENDPOINT_URL goes into every function's environment;
       - a few things that it answers differently from AWS are evened out (see
         "where the emulator answers differently" below);
       - resource types the emulator does not know are left out, each with a
         printed warning, and references to them become a placeholder string;
  5. creates the stack (or updates it), waits, and prints how to call the API.

The template itself stays the one that is deployed to AWS: nothing in it is
written for the emulator.

Exit status: 0 deployed, 1 the stack failed (its events are printed), 2 the
input or the emulator is not usable.

Needs: boto3, aws-sam-translator. Start the emulator yourself, for example:
    BIND_HOST=127.0.0.1 GATEWAY_PORT=4566 ministack &
With AUTH=true in its environment it also enforces each function's IAM role.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import logging
import os
import re
import sys
import time
import urllib.error
import urllib.request
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

# Both are read by samtranslator when it is imported or run.
os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
logging.getLogger("samtranslator").setLevel(logging.ERROR)
from samtranslator.model.exceptions import InvalidDocumentException  # noqa: E402
from samtranslator.translator.transform import transform as sam_transform  # noqa: E402
from samtranslator.yaml_helper import yaml_parse  # noqa: E402

SAM_TRANSFORM = "AWS::Serverless-2016-10-31"


class DeployError(Exception):
    """Something the user has to fix; printed without a traceback."""


def warn(message: str) -> None:
    print(f"warning: {message}", file=sys.stderr)


# --- functions and their binaries -------------------------------------------


def binary_name(logical_id: str, resource: dict, globals_: dict) -> str:
    """The name of the binary that a SAM function runs.

    `Metadata: {BuildMethod: rust-cargolambda, BuildProperties: {Binary: X}}`
    says it; otherwise it is the last part of CodeUri (target/lambda/X).
    """
    build = (resource.get("Metadata") or {}).get("BuildProperties") or {}
    if build.get("Binary"):
        return build["Binary"]
    code_uri = resource.get("Properties", {}).get("CodeUri", globals_.get("CodeUri"))
    if isinstance(code_uri, str) and not code_uri.startswith("s3://"):
        name = Path(code_uri).name
        if name not in ("", ".", ".."):
            return name.removesuffix(".zip")
    raise DeployError(
        f"{logical_id}: cannot tell its binary: give Metadata.BuildProperties.Binary "
        f"or a CodeUri that ends in the binary's name (CodeUri is {code_uri!r})"
    )


def binary_path(logical_id: str, name: str, folder: Path) -> Path:
    """FOLDER/NAME/bootstrap (cargo lambda's layout) or FOLDER/NAME (cargo's)."""
    for candidate in (folder / name / "bootstrap", folder / name):
        if candidate.is_file():
            return candidate
    raise DeployError(f"{logical_id}: no binary {name!r} in {folder} (looked for {name}/bootstrap and {name})")


def zip_of(binary: Path) -> bytes:
    """A Lambda zip with the binary as its executable `bootstrap`.

    Fixed date and mode, so that the same binary always gives the same zip.
    Stored, not deflated: it only travels over loopback.
    """
    entry = zipfile.ZipInfo("bootstrap", date_time=(1980, 1, 1, 0, 0, 0))
    entry.external_attr = 0o100755 << 16
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(entry, binary.read_bytes())
    return buffer.getvalue()


class Uploader:
    """Puts each distinct binary into the bucket once; the key is its hash."""

    def __init__(self, s3: Any, bucket: str) -> None:
        self.s3, self.bucket = s3, bucket
        self.done: dict[Path, str] = {}
        try:
            s3.head_bucket(Bucket=bucket)
        except ClientError:
            s3.create_bucket(Bucket=bucket)

    def upload(self, binary: Path) -> str:
        if binary not in self.done:
            digest = hashlib.sha256(binary.read_bytes()).hexdigest()[:32]
            key = f"lambda/{digest}.zip"
            try:
                self.s3.head_object(Bucket=self.bucket, Key=key)
            except ClientError:
                self.s3.put_object(Bucket=self.bucket, Key=key, Body=zip_of(binary))
            self.done[binary] = f"s3://{self.bucket}/{key}"
        return self.done[binary]

    def upload_template(self, plain: dict) -> str:
        """The URL of the template: inline ones may not exceed 51,200 bytes."""
        body = json.dumps(plain).encode()
        key = f"templates/{hashlib.sha256(body).hexdigest()[:32]}.json"
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body)
        return f"{self.s3.meta.endpoint_url}/{self.bucket}/{key}"


def point_functions_at_zips(template: dict, folder: Path, uploader: Uploader) -> dict[str, str]:
    """Sets every SAM function's CodeUri to its uploaded zip; returns id -> binary."""
    globals_ = (template.get("Globals") or {}).get("Function") or {}
    found = {}
    for logical_id, resource in (template.get("Resources") or {}).items():
        if resource.get("Type") != "AWS::Serverless::Function":
            continue
        properties = resource.setdefault("Properties", {})
        if "InlineCode" in properties or properties.get("PackageType") == "Image":
            warn(f"{logical_id}: not a zip function, its code is left as it is")
            continue
        if isinstance(properties.get("CodeUri"), str) and properties["CodeUri"].startswith("s3://"):
            continue
        name = binary_name(logical_id, resource, globals_)
        properties["CodeUri"] = uploader.upload(binary_path(logical_id, name, folder))
        found[logical_id] = name
    return found


# --- SAM to CloudFormation ---------------------------------------------------


def expand(template: dict, parameters: dict[str, str]) -> dict:
    """The SAM template as plain CloudFormation."""
    declared = template.get("Transform") or []
    declared = declared if isinstance(declared, list) else [declared]
    if SAM_TRANSFORM not in declared:
        return template
    others = [t for t in declared if t != SAM_TRANSFORM]
    if others:
        raise DeployError(f"only the SAM transform is expanded here, not {others}")
    try:
        # No map of AWS managed policies: a policy's bare name stays as it is.
        plain = sam_transform(template, dict(parameters), SimpleNamespace(load=lambda: {}))
    except InvalidDocumentException as error:
        causes = "; ".join(cause.message for cause in error.causes)
        raise DeployError(f"SAM cannot expand the template: {causes}") from error
    plain.pop("Transform", None)
    return plain


def add_environment(resources: dict, extra: dict[str, str]) -> None:
    """Adds variables to every Lambda function's environment."""
    for logical_id, resource in resources.items():
        if resource.get("Type") != "AWS::Lambda::Function":
            continue
        environment = resource.setdefault("Properties", {}).setdefault("Environment", {})
        variables = environment.setdefault("Variables", {}) if "Fn::If" not in environment else None
        if not isinstance(variables, dict) or "Fn::If" in variables:
            raise DeployError(f"{logical_id}: Environment is not a plain map, cannot add {sorted(extra)}")
        variables.update(extra)


# --- what the emulator does not know ------------------------------------------


def drop_resources(plain: dict, unknown_types: set[str]) -> None:
    """Leaves out resources of the given types and says so.

    A reference to one becomes the string `dropped-<id>`, so that what remains
    still deploys; each such place is named in a warning.
    """
    resources = plain["Resources"]
    gone = {i: r["Type"] for i, r in resources.items() if r.get("Type") in unknown_types}
    for logical_id, kind in gone.items():
        warn(f"left out {logical_id}: the emulator has no {kind}")
        del resources[logical_id]

    def replace(node: Any, where: str) -> Any:
        if isinstance(node, list):
            return [replace(v, where) for v in node]
        if not isinstance(node, dict):
            return node
        target = None
        if set(node) == {"Ref"}:
            target = node["Ref"]
        elif set(node) == {"Fn::GetAtt"}:
            attribute = node["Fn::GetAtt"]
            target = attribute.split(".")[0] if isinstance(attribute, str) else attribute[0]
        if target in gone:
            warn(f"{where} refers to {target}, which was left out: it gets 'dropped-{target}'")
            return f"dropped-{target}"
        if "Fn::Sub" in node:
            sub = node["Fn::Sub"]
            text, names = (sub, {}) if isinstance(sub, str) else (sub[0], replace(sub[1], where))
            for logical_id in gone:
                pattern = r"\$\{" + re.escape(logical_id) + r"(\.[A-Za-z0-9.]+)?\}"
                if logical_id not in names and re.search(pattern, text):
                    warn(f"{where} refers to {logical_id}, which was left out: it gets 'dropped-{logical_id}'")
                    text = re.sub(pattern, f"dropped-{logical_id}", text)
            return {"Fn::Sub": [text, names] if names else text}
        return {k: replace(v, where) for k, v in node.items()}

    for logical_id, resource in resources.items():
        depends = resource.get("DependsOn")
        if depends:
            kept = [d for d in ([depends] if isinstance(depends, str) else depends) if d not in gone]
            resource["DependsOn"] = kept
            if not kept:
                del resource["DependsOn"]
        resource["Properties"] = replace(resource.get("Properties") or {}, f"resource {logical_id}")
    if plain.get("Outputs"):
        plain["Outputs"] = {k: replace(v, f"output {k}") for k, v in plain["Outputs"].items()}


def drop_unsupported(cloudformation: Any, plain: dict, uploader: Uploader) -> str:
    """Asks the emulator itself which resource types it does not know, leaves
    those out, and returns the URL of the template that remains."""
    for _ in range(5):
        url = uploader.upload_template(plain)
        try:
            cloudformation.validate_template(TemplateURL=url)
            return url
        except ClientError as error:
            message = error.response["Error"]["Message"]
            found = re.search(r"Unrecognized resource types: \[([^\]]*)\]", message)
            if not found:
                raise DeployError(f"the emulator refuses the expanded template: {message[:1000]}") from error
            drop_resources(plain, {t.strip() for t in found.group(1).split(",")})
    raise DeployError("the emulator keeps naming unknown resource types")


# --- where the emulator answers differently from AWS -----------------------------

# Actions that the emulator, run with AUTH=true, checks on the resource "*",
# where AWS checks them on the sender's identity.
CHECKED_ON_STAR = {"ses:SendEmail", "ses:SendRawEmail", "ses:SendTemplatedEmail"}


def use_secret_arns(plain: dict) -> None:
    """`Ref` of a secret is its ARN on AWS but its name in the emulator, which
    breaks IAM policies that name it. `GetAtt X.Id` is the ARN in both."""
    secrets = {i for i, r in plain["Resources"].items() if r.get("Type") == "AWS::SecretsManager::Secret"}

    def fix(node: Any) -> Any:
        if isinstance(node, list):
            return [fix(v) for v in node]
        if not isinstance(node, dict):
            return node
        if set(node) == {"Ref"} and node["Ref"] in secrets:
            return {"Fn::GetAtt": [node["Ref"], "Id"]}
        node = {k: fix(v) for k, v in node.items()}
        if "Fn::Sub" in node:
            sub = node["Fn::Sub"]
            text, names = (sub, {}) if isinstance(sub, str) else sub
            text = re.sub(r"\$\{(\w+)\}", lambda m: f"${{{m[1]}.Id}}" if m[1] in secrets - set(names) else m[0], text)
            node["Fn::Sub"] = [text, names] if names else text
        return node

    for section in ("Resources", "Outputs"):
        if plain.get(section):
            plain[section] = fix(plain[section])


def leave_out_computed_alarms(resources: dict) -> None:
    """The emulator refuses alarms of metric math. Nothing refers to an alarm."""
    for logical_id, resource in list(resources.items()):
        if resource.get("Type") == "AWS::CloudWatch::Alarm" and "Metrics" in resource["Properties"]:
            warn(f"left out {logical_id}: the emulator has no metric math")
            del resources[logical_id]


def widen_policies(resources: dict) -> None:
    """Gives statements with only CHECKED_ON_STAR actions the resource "*"."""
    for resource in resources.values():
        if resource.get("Type") != "AWS::IAM::Role":
            continue
        for policy in resource["Properties"].get("Policies") or []:
            statements = policy.get("PolicyDocument", {}).get("Statement") or []
            for statement in statements if isinstance(statements, list) else [statements]:
                actions = statement.get("Action")
                actions = {actions} if isinstance(actions, str) else set(actions or [])
                if actions and actions <= CHECKED_ON_STAR and statement.get("Effect") == "Allow":
                    statement["Resource"] = "*"


def apply_table_settings(dynamodb: Any, resources: dict, physical: dict[str, str]) -> None:
    """Time to live and point-in-time recovery, which the emulator's
    AWS::DynamoDB::Table leaves out and its DynamoDB API knows."""
    for logical_id, resource in resources.items():
        if resource.get("Type") != "AWS::DynamoDB::Table" or logical_id not in physical:
            continue
        table, properties = physical[logical_id], resource.get("Properties", {})
        ttl = properties.get("TimeToLiveSpecification")
        if ttl and not isinstance(ttl.get("AttributeName"), str):
            warn(f"{logical_id}: TimeToLiveSpecification is not literal, left out")
        elif ttl:
            wanted = str(ttl.get("Enabled")).lower() == "true"
            status = dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"]["TimeToLiveStatus"]
            # AWS refuses to switch to the state that is there already.
            if wanted != (status == "ENABLED"):
                dynamodb.update_time_to_live(
                    TableName=table,
                    TimeToLiveSpecification={"Enabled": wanted, "AttributeName": ttl["AttributeName"]},
                )
        pitr = (properties.get("PointInTimeRecoverySpecification") or {}).get("PointInTimeRecoveryEnabled")
        if isinstance(pitr, bool):
            dynamodb.update_continuous_backups(
                TableName=table, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": pitr}
            )


# --- the stack -----------------------------------------------------------------


def stack_status(cloudformation: Any, name: str) -> str | None:
    try:
        return cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]
    except ClientError:
        return None


def wait_for(cloudformation: Any, name: str, timeout: float) -> str | None:
    deadline = time.monotonic() + timeout
    while (status := stack_status(cloudformation, name)) and status.endswith("_IN_PROGRESS"):
        if time.monotonic() > deadline:
            raise DeployError(f"stack {name} is still {status} after {timeout:.0f} s")
        time.sleep(0.1)
    return status


def print_events(cloudformation: Any, name: str) -> None:
    try:
        events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
    except ClientError as error:
        print(f"no stack events: {error}", file=sys.stderr)
        return
    for event in reversed(events):
        reason = event.get("ResourceStatusReason", "")
        print(
            f"{event['Timestamp']:%H:%M:%S}  {event['ResourceStatus']:<28} "
            f"{event.get('ResourceType', ''):<36} {event['LogicalResourceId']}  {reason}",
            file=sys.stderr,
        )


def deploy_stack(cloudformation: Any, name: str, url: str, parameters: dict, replace: bool, timeout: float) -> str:
    """Creates or updates the stack and waits; returns the final status."""
    request = {
        "StackName": name,
        "TemplateURL": url,
        "Parameters": [{"ParameterKey": k, "ParameterValue": v} for k, v in parameters.items()],
        "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"],
    }
    status = stack_status(cloudformation, name)
    gone = (None, "DELETE_COMPLETE")
    if status not in gone and (replace or status in ("CREATE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED")):
        cloudformation.delete_stack(StackName=name)
        status = wait_for(cloudformation, name, timeout)
    try:
        if status in gone:
            cloudformation.create_stack(**request, OnFailure="DO_NOTHING")
        else:
            cloudformation.update_stack(**request)
    except ClientError as error:
        message = error.response["Error"]["Message"]
        if "No updates are to be performed" not in message:
            raise DeployError(f"the emulator refuses the stack: {message[:1000]}") from error
    return wait_for(cloudformation, name, timeout) or "GONE"


def parse_pairs(pairs: list[str], option: str) -> dict[str, str]:
    found = {}
    for pair in pairs:
        key, sign, value = pair.partition("=")
        if not sign or not key:
            raise DeployError(f"{option} takes KEY=VALUE, not {pair!r}")
        found[key] = value
    return found


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("template", type=Path, help="the SAM template")
    parser.add_argument(
        "--binaries",
        type=Path,
        required=True,
        metavar="FOLDER",
        help="holds NAME/bootstrap (cargo lambda build) or NAME (cargo build)",
    )
    parser.add_argument("--parameter", action="append", default=[], metavar="KEY=VALUE", help="a template parameter")
    parser.add_argument(
        "--env",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="an extra environment variable for every function (a fake provider's URL, say)",
    )
    parser.add_argument("--stack", default="app", help="the stack's name (default: %(default)s)")
    parser.add_argument("--endpoint", default=os.environ.get("AWS_ENDPOINT_URL", "http://127.0.0.1:4566"))
    parser.add_argument("--bucket", default="sam-artifacts", help="S3 bucket for the zips (default: %(default)s)")
    parser.add_argument("--replace", action="store_true", help="delete a stack of that name first")
    parser.add_argument("--emit", type=Path, metavar="FILE", help="write the adapted CloudFormation template there")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write base URL, API id and outputs there")
    parser.add_argument("--timeout", type=float, default=180, help="seconds to wait for the stack")
    return parser.parse_args()


def main() -> int:
    args = arguments()
    parameters = parse_pairs(args.parameter, "--parameter")
    endpoint = args.endpoint.rstrip("/")
    try:
        urllib.request.urlopen(f"{endpoint}/_ministack/health", timeout=5).close()
    except (urllib.error.URLError, OSError) as error:
        raise DeployError(f"no ministack at {endpoint}: {error}") from error

    # Dummy credentials: a 12-digit key is the emulator's account id.
    session = boto3.Session(
        aws_access_key_id="000000000000", aws_secret_access_key="test", region_name=os.environ["AWS_DEFAULT_REGION"]
    )
    config = Config(retries={"max_attempts": 1}, s3={"addressing_style": "path"})
    client = lambda service: session.client(service, endpoint_url=endpoint, config=config)  # noqa: E731
    cloudformation = client("cloudformation")

    template = yaml_parse(args.template.read_text())
    uploader = Uploader(client("s3"), args.bucket)
    functions = point_functions_at_zips(template, args.binaries, uploader)
    plain = expand(template, parameters)
    add_environment(plain["Resources"], {"AWS_ENDPOINT_URL": endpoint, **parse_pairs(args.env, "--env")})
    leave_out_computed_alarms(plain["Resources"])
    widen_policies(plain["Resources"])
    use_secret_arns(plain)
    url = drop_unsupported(cloudformation, plain, uploader)
    if args.emit:
        args.emit.write_text(json.dumps(plain, indent=2) + "\n")

    status = deploy_stack(cloudformation, args.stack, url, parameters, args.replace, args.timeout)
    if status not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        print(f"error: stack {args.stack} is {status}", file=sys.stderr)
        print_events(cloudformation, args.stack)
        return 1

    stack = cloudformation.describe_stacks(StackName=args.stack)["Stacks"][0]
    outputs = {o["OutputKey"]: o["OutputValue"] for o in stack.get("Outputs", [])}
    physical = {}
    for page in cloudformation.get_paginator("list_stack_resources").paginate(StackName=args.stack):
        for summary in page["StackResourceSummaries"]:
            physical[summary["LogicalResourceId"]] = summary.get("PhysicalResourceId", "")
    apply_table_settings(client("dynamodb"), plain["Resources"], physical)
    report = {
        "stack": args.stack,
        "status": status,
        "endpoint": endpoint,
        "functions": len(functions),
        "apis": {},
        "outputs": outputs,
        "resources": physical,
    }
    port = endpoint.rsplit(":", 1)[-1]
    stages = {
        stage["Properties"].get("RestApiId", {}).get("Ref"): name
        for name, stage in plain["Resources"].items()
        if stage.get("Type") == "AWS::ApiGateway::Stage"
    }
    for api, stage in stages.items():
        if api in physical and stage in physical:
            report["apis"][api] = {
                "id": physical[api],
                "base_url": f"{endpoint}/restapis/{physical[api]}/{physical[stage]}/_user_request_",
                "host_header": f"{physical[api]}.execute-api.localhost:{port} (and the path prefix /{physical[stage]})",
            }
    if args.json:
        args.json.write_text(json.dumps(report, indent=2) + "\n")
    print(f"{args.stack}: {status}, {len(functions)} functions, {len(physical)} resources")
    for api, how in report["apis"].items():
        print(f"{api}: base URL {how['base_url']}")
        print(f"{' ' * len(api)}  or    {endpoint} with the header  Host: {how['host_header']}")
    for key, value in outputs.items():
        print(f"output {key} = {value}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (DeployError, OSError) as failure:
        print(f"error: {failure}", file=sys.stderr)
        sys.exit(2)

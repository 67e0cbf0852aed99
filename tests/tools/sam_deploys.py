"""Whether SAM deploys what samconfig.toml says, in each environment, even where `sam build` has left a copy of the template.

    python sam_deploys.py

A copy of the project's two files is given to SAM's own command line, up to where it would call AWS.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from unittest.mock import patch

os.environ["SAM_CLI_TELEMETRY"] = "0"
from click.testing import CliRunner  # noqa: E402
from samcli.cli.main import cli  # noqa: E402

files = ["template.yaml", "samconfig.toml"]
root = Path(__file__).parents[2]
config = tomllib.loads((root / "samconfig.toml").read_text())

with tempfile.TemporaryDirectory() as folder:
    for file in files:
        shutil.copy(root / file, folder)
    os.chdir(folder)
    # Every function is built already (SkipBuild), so this only copies the template to .aws-sam.
    subprocess.run([Path(sys.executable).parent / "sam", "build"], check=True, capture_output=True)
    assert Path(".aws-sam/build/template.yaml").exists(), "sam build leaves no copy any more: this check is of no use"

    for environment in [name for name in config if name != "version"]:
        declared = config[environment]["deploy"]["parameters"]
        with patch("samcli.commands.deploy.command.do_cli") as deploy:
            result = CliRunner().invoke(cli, ["deploy", "--config-env", environment])
        assert result.exit_code == 0, result.output
        values = deploy.call_args.args
        template, stack, parameters = values[0], values[1], values[9]
        assert Path(template).resolve() == Path("template.yaml").resolve(), f"{environment} deploys {template}"
        assert stack == declared["stack_name"], f"{environment} deploys the stack {stack}"
        expected = declared["parameter_overrides"]
        assert parameters == expected, f"{environment}: {parameters} is not {expected}"
        assert declared["region"] in values, f"{environment} has another region: {values}"
        print(f"{environment}: {stack}, {', '.join(parameters)}")

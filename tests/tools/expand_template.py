"""Write template.yaml as the plain CloudFormation that SAM makes of it, for linters: several rules see only that form.

    python expand_template.py template.yaml [NAME=VALUE …] > expanded.json

The values become the parameters' defaults.
"""

import json
import os
import sys
from pathlib import Path
from types import SimpleNamespace

# The translator asks for a region; which one does not matter here.
os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
from samtranslator.translator.transform import transform  # noqa: E402
from samtranslator.yaml_helper import yaml_parse  # noqa: E402

template = yaml_parse(Path(sys.argv[1]).read_text())
for name, value in (pair.split("=", 1) for pair in sys.argv[2:]):
    template["Parameters"][name]["Default"] = value
for resource in template["Resources"].values():
    if resource["Type"] == "AWS::Serverless::Function":
        # SAM wants an uploaded zip; its name does not matter here.
        resource["Properties"]["CodeUri"] = "s3://bucket/key.zip"
# No map of managed policies: their names stay as they are.
json.dump(transform(template, {}, SimpleNamespace(load=lambda: {})), sys.stdout, indent=2)

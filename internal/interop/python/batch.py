"""Holds a job definition of AWS Batch, in YAML, against what botocore knows of the API, and prints how it retries, as JSON."""

import json
import sys

import botocore.session
import botocore.validate
import yaml

with open(sys.argv[1]) as file:
    definition = yaml.safe_load(file)
model = botocore.session.get_session().get_service_model("batch")
botocore.validate.validate_parameters(definition, model.shape_for("RegisterJobDefinitionRequest"))
actions = model.shape_for("RetryAction").enum
for condition in definition["retryStrategy"]["evaluateOnExit"]:
    assert condition["action"] in actions, condition
print(json.dumps(definition["retryStrategy"]))

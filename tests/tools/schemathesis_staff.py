"""Schemathesis calls as staff, with a new session every second: some calls end sessions, rename or delete users."""

import os
from urllib.parse import urljoin

import requests
import schemathesis

NAMES = [f"staff-{number}" for number in range(int(os.environ["ROLLCALL_STAFF"]))]


@schemathesis.auth(refresh_interval=1)
class Staff:
    token = ""

    def get(self, case, context):
        for username in NAMES:
            body = {"username": username, "password": os.environ["ROLLCALL_PASSWORD"]}
            answer = requests.post(urljoin(context.operation.base_url, "/api/token"), json=body, timeout=30)
            if answer.status_code == 200:
                self.token = answer.json()["access"]
                break
        return self.token

    def set(self, case, token, context):
        case.headers = {**(case.headers or {}), "Authorization": f"Bearer {token}"}

"""A second service: Django REST Framework with SimpleJWT, which reads the public keys of the stack (JWK_URL)."""

import json
import os
import sys

import django
from django.conf import settings

JWK_URL = os.environ["API"] + "/.well-known/jwks.json"
ISSUER = os.environ["ISSUER"]
# None where tokens have none.
AUDIENCE = os.environ.get("AUDIENCE")

settings.configure(
    ALLOWED_HOSTS=["*"],
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "rest_framework"],
    DATABASES={},
    ROOT_URLCONF=__name__,
    REST_FRAMEWORK={
        "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework_simplejwt.authentication.JWTStatelessUserAuthentication"],
        "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    },
    SIMPLE_JWT={"ALGORITHM": "ES256", "JWK_URL": JWK_URL, "ISSUER": ISSUER, "AUDIENCE": AUDIENCE},
    SECRET_KEY="no token is signed here",
)
django.setup()

from django.urls import path  # noqa: E402
from rest_framework.decorators import api_view  # noqa: E402
from rest_framework.response import Response  # noqa: E402
from rest_framework.test import APIClient  # noqa: E402
from rest_framework_simplejwt.backends import TokenBackend  # noqa: E402
from rest_framework_simplejwt.exceptions import TokenBackendError  # noqa: E402


@api_view(["GET"])
def me(request):
    token = request.auth.payload
    return Response({"id": request.user.id, "username": request.user.username, "is_staff": request.user.is_staff, "email": token.get("email")})


urlpatterns = [path("me/", me)]


def asks_with(token):
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    return client.get("/me/")


expected, tokens, stranger = (json.loads(os.environ[name]) for name in ("EXPECTED", "TOKENS", "STRANGER"))

answer = asks_with(tokens["access"])
assert answer.status_code == 200, answer.content
assert answer.json() == expected, answer.json()

for name, token in {
    "a refresh token": tokens["refresh"],
    "a token of another stack": stranger["access"],
    "a changed token": tokens["access"][:-8] + "AAAAAAAA",
}.items():
    answer = asks_with(token)
    assert answer.status_code == 401, (name, answer.status_code)
    assert answer.json()["code"] == "token_not_valid", (name, answer.json())


def is_right(token, audience, issuer=ISSUER):
    try:
        return bool(TokenBackend("ES256", audience=audience, issuer=issuer, jwk_url=JWK_URL).decode(token))
    except TokenBackendError:
        return False


if AUDIENCE:
    # By these claims alone, whatever the kind of the token.
    assert is_right(tokens["access"], AUDIENCE)
    assert is_right(tokens["access"], ISSUER)
    assert not is_right(tokens["access"], "another")
    assert not is_right(tokens["access"], AUDIENCE, "rollcall")
    assert not is_right(tokens["refresh"], AUDIENCE)
    assert not is_right(tokens["refresh"], ISSUER)

sys.exit(0)

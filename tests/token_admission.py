"""Who asks the read API where no gate stands before it: whoever shows a token."""

from __future__ import annotations

from consumer_fusion.access.password_sign_in import call_with_token
from consumer_fusion.access.tokens import verify_token
from consumer_fusion.errors import AuthenticationError


def admit_token(workspace, request):
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise AuthenticationError("The request shows no token.")
    with workspace.store.reading() as session:
        token = verify_token(session, secret.strip(), workspace.now_us)
        return call_with_token(session, token)

"""The console of a small town, and members of staff who are signed in."""

from __future__ import annotations

import re

import pytest
from starlette.testclient import TestClient

from console_town import OWNER, SITE, make_town, open_console
from copied_workspaces import copy_made
from staff_moments import PASSWORD


@pytest.fixture(scope="session")
def town_folder(tmp_path_factory):
    return copy_made(tmp_path_factory.mktemp("console") / "town", make_town)


@pytest.fixture(scope="module")
def console(town_folder):
    with open_console(town_folder) as opened:
        yield opened


class Browser:
    """Somebody who opens pages and fills in their forms."""

    def __init__(self, app):
        self.http = TestClient(app, base_url=SITE, client=("127.0.0.1", 50_000))

    def get(self, path, **named):
        return self.http.get(path, **named)

    def send(self, page, action, **fields):
        """Fill in a form of a page."""
        return self.send_form(action, self.find_token(page), **fields)

    def find_token(self, page):
        """What the forms of a page bear."""
        return re.search(r'name="form_token" value="([^"]+)"', self.get(page).text).group(1)

    def send_form(self, action, token, /, **fields):
        """Send a form that is filled in already."""
        return self.http.post(action, data={"form_token": token, **fields}, headers={"Origin": SITE})

    def sign_in(self, email):
        form = {"form_token": self.find_token("/sign-in"), "email": email, "password": PASSWORD}
        # The page to which the answer leads would be computed for each test, and read by none.
        self.http.post("/sign-in", data=form, headers={"Origin": SITE}, follow_redirects=False)
        return self


@pytest.fixture(scope="session")
def make_browser():
    """Makes somebody before a console of one's own."""
    return lambda console: Browser(console[0])


@pytest.fixture
def stranger(console):
    return Browser(console[0])


@pytest.fixture
def sign_in(console):
    return lambda email: Browser(console[0]).sign_in(email)


@pytest.fixture
def owner(sign_in):
    return sign_in(OWNER)

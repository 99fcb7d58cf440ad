"""The addresses of signing in and of the Access page."""

from console.web.access import people, signin
from console.web.routing import Route, act, page

ROUTES: tuple[Route, ...] = (
    page("/signin", signin.show, "anyone"),
    page(signin.CALLBACK, signin.callback, "anyone"),
    page("/signin/{way:salesforce|xero}", signin.begin, "anyone"),
    page(people.PATH, people.show, "administrator", menu="Access"),
    act("/access/grant", people.grant, "administrator"),
    act("/access/role", people.change, "administrator"),
    act("/access/revoke", people.revoke, "administrator"),
    act("/access/signout", people.sign_out, "administrator"),
    act("/access/link", people.link, "administrator"),
)

"""A person connects Xero in the browser: the consent page of the stand-in, and back to the console."""

from urllib.parse import parse_qsl, urlsplit

import aiohttp

from sandbox.logins import PASSWORD
from sandbox.xero.company import WEB_CLIENT_ID, WEB_CLIENT_SECRET
from sandbox.xero.people import USERS
from worker.context import Context
from worker.xero.connecting import XeroConnecting

ENVIRONMENT = {
    "XERO_GRANT": "authorization_code",
    "XERO_CLIENT_ID": WEB_CLIENT_ID,
    "XERO_CLIENT_SECRET": WEB_CLIENT_SECRET,
}
BY = "Pat"


async def connect(ctx: Context) -> None:
    """Allow the app in, and take what comes back as the console does."""
    connecting = XeroConnecting(ctx.store, ctx.settings, ctx.limits)
    page = urlsplit(await connecting.authorize_url(BY))
    form = dict(parse_qsl(page.query)) | {"answer": "allow"}
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as browser:
        signing_in = {"Username": USERS[0].email, "Password": PASSWORD}
        await browser.post(f"{ctx.settings.xero_login_url}/identity/user/login", data=signing_in, allow_redirects=False)
        answer = await browser.post(page._replace(query="").geturl(), data=form, allow_redirects=False)
        back = dict(parse_qsl(urlsplit(answer.headers["Location"]).query))
    await connecting.exchange(code=back["code"], state=back["state"], by=BY)

"""A small client of the stand-in org for its own tests: REST, control port and Pub/Sub, all over sockets."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import aiohttp
import fastavro
import grpc

from eventbus import pubsub_api_pb2 as pb
from eventbus import pubsub_api_pb2_grpc as rpc
from sandbox.logins import PASSWORD
from sandbox.salesforce.avro import decode_bitmaps
from sandbox.salesforce.org import API_USERNAME
from sandbox.serve import Running

DEADLINE = 10.0
ENTRIES = "/data/TimeEntry__ChangeEvent"


@dataclass
class Control:
    """The control port."""

    url: str
    http: aiohttp.ClientSession

    async def post(self, path: str, /, **body: Any) -> Any:
        return await self._send("POST", path, body)

    async def get(self, path: str) -> Any:
        return await self._send("GET", path)

    async def delete(self, path: str) -> Any:
        return await self._send("DELETE", path)

    async def _send(self, method: str, path: str, body: Any = None) -> Any:
        async with self.http.request(method, self.url + path, json=body) as answer:
            text = await answer.text()
            assert answer.status == 200, f"{answer.status}: {text}"
            return json.loads(text)


@dataclass
class Reply:
    status: int
    body: Any
    headers: Any


@dataclass
class Salesforce:
    """The org's REST and Pub/Sub APIs, logged in."""

    sandbox: Running
    http: aiohttp.ClientSession
    token: str = ""
    version: str = "67.0"
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return self.sandbox.environment["SALESFORCE_LOGIN_URL"]

    async def login(self) -> Any:
        environment = self.sandbox.environment
        form = {
            "grant_type": "client_credentials",
            "client_id": environment["SALESFORCE_CLIENT_ID"],
            "client_secret": environment["SALESFORCE_CLIENT_SECRET"],
        }
        async with self.http.post(f"{self.url}/services/oauth2/token", data=form) as answer:
            body = await answer.json()
            assert answer.status == 200, body
        self.token = body["access_token"]
        return body

    async def call(self, method: str, path: str, body: Any = None, **more: Any) -> Reply:
        """A call below /services/data/vXX.0."""
        url = path if path.startswith("/services") else f"/services/data/v{self.version}{path}"
        headers = {"Authorization": f"Bearer {self.token}"} | self.headers | more.pop("headers", {})
        async with self.http.request(method, self.url + url, json=body, headers=headers, **more) as answer:
            text = await answer.text()
            is_json = answer.content_type == "application/json" and text
            return Reply(answer.status, json.loads(text) if is_json else text, answer.headers)

    async def query(self, soql: str, resource: str = "query", **more: Any) -> Reply:
        return await self.call("GET", f"/{resource}", params={"q": soql}, **more)

    async def rows(self, soql: str, resource: str = "query") -> list[Any]:
        reply = await self.query(soql, resource)
        assert reply.status == 200, reply.body
        found: list[Any] = reply.body["records"]
        return found

    async def create(self, sobject: str = "TimeEntry__c", /, **values: Any) -> str:
        reply = await self.call("POST", f"/sobjects/{sobject}", values)
        assert reply.status == 201, reply.body
        return str(reply.body["id"])

    async def refused(self, method: str, path: str, body: Any = None, status: int = 400) -> Any:
        """The one error of a refused call."""
        reply = await self.call(method, path, body)
        assert reply.status == status, (reply.status, reply.body)
        assert len(reply.body) == 1
        return reply.body[0]

    def metadata(self) -> tuple[tuple[str, str], ...]:
        org = self.sandbox.salesforce.org
        return (("accesstoken", self.token), ("instanceurl", self.url), ("tenantid", org.id))

    @asynccontextmanager
    async def pubsub(self) -> AsyncIterator[Any]:
        async with grpc.aio.insecure_channel(self.sandbox.environment["SALESFORCE_PUBSUB_TARGET"]) as channel:
            yield rpc.PubSubStub(channel)

    @asynccontextmanager
    async def subscription(self, num: int = 100, **request: Any) -> AsyncIterator["Subscription"]:
        """An open stream; the first request is sent."""
        async with self.pubsub() as stub:
            stream = stub.Subscribe(metadata=self.metadata())
            subscription = Subscription(stub, stream, self)
            # A stream refused before this is written tells so when it is read.
            with suppress(grpc.aio.AioRpcError):
                await subscription.ask(num, **{"topic_name": ENTRIES} | request)
            try:
                yield subscription
            finally:
                stream.cancel()


@dataclass
class Subscription:
    stub: Any
    stream: Any
    salesforce: Salesforce

    async def ask(self, num: int, **request: Any) -> None:
        await self.stream.write(pb.FetchRequest(num_requested=num, **request))

    async def answer(self) -> Any:
        return await asyncio.wait_for(self.stream.read(), DEADLINE)

    async def events(self, count: int) -> list[Any]:
        """That many events, decoded."""
        found: list[Any] = []
        while len(found) < count:
            answer = await self.answer()
            assert answer is not grpc.aio.EOF, "the stream ended"
            found += [await self.decode(item) for item in answer.events]
        return found

    async def decode(self, item: Any) -> dict[str, Any]:
        request = pb.SchemaRequest(schema_id=item.event.schema_id)
        info = await self.stub.GetSchema(request, metadata=self.salesforce.metadata())
        schema = fastavro.parse_schema(json.loads(info.schema_json))
        event: Any = fastavro.schemaless_reader(BytesIO(item.event.payload), schema)
        header = event.pop("ChangeEventHeader")
        changed = decode_bitmaps(info.schema_json, header["changedFields"])
        nulled = decode_bitmaps(info.schema_json, header["nulledFields"])
        return {"header": header, "changed": changed, "nulled": nulled, "body": event, "replay_id": item.replay_id}

    async def failure(self) -> tuple[grpc.StatusCode, str]:
        """How the stream ended: status and error-code trailer."""
        try:
            while await self.answer() is not grpc.aio.EOF:
                continue
        except grpc.aio.AioRpcError as error:
            trailers = {str(name): str(value) for name, value in error.trailing_metadata() or ()}
            return error.code(), trailers.get("error-code", "")
        return grpc.StatusCode.OK, ""


async def eventually(condition: Callable[[], bool]) -> None:
    """Wait until the condition holds."""
    async with asyncio.timeout(DEADLINE):
        while not condition():
            await asyncio.sleep(0.01)


async def signed_in(salesforce: Salesforce, username: str = API_USERNAME, password: str = PASSWORD) -> dict[str, str]:
    """The cookies of a browser in which this user signed in."""
    form = {"un": username, "pw": password, "startURL": "/"}
    async with salesforce.http.post(f"{salesforce.url}/login", data=form, allow_redirects=False) as answer:
        return {name: cookie.value for name, cookie in answer.cookies.items()}

"""The desk over a publication on AWS, with the editor's own credentials."""

from __future__ import annotations

import asyncio
import re
from urllib.parse import urlencode

import httpx

from handlers.house import house
from pressrun import bootstrap
from pressrun.server.desk import DeskApp, DeskPages, Door, Room
from tests.handlers.conftest import Cloud

URL = "http://127.0.0.1:8000"
TIDE = b"---\ntitle: The tide\ndate: 2026-01-01\n---\nIt rises.\n"


def test_files_are_uploaded_changed_withdrawn_and_restored(cloud: Cloud) -> None:
    cloud.s3.put_bucket_versioning(Bucket=cloud.content, VersioningConfiguration={"Status": "Enabled"})
    cloud.upload("pressrun.toml", b'url = "https://tides.example"\n')
    shelves = bootstrap.aws_shelves()
    door = Door(house().clock)
    room = Room(house=house(), shelves=shelves, look=lambda _: None, here=False)

    async def edit() -> None:
        transport = httpx.ASGITransport(DeskApp(DeskPages(room, door)), client=("127.0.0.1", 5000))
        async with httpx.AsyncClient(transport=transport, base_url=URL, headers={"origin": URL}) as client:
            form = {"content-type": "application/x-www-form-urlencoded"}

            async def post(path: str, **fields: str) -> httpx.Response:
                return await client.post(f"/desk/{path}", content=urlencode(fields), headers=form)

            assert (await client.get("/desk/health")).status_code == 401
            assert (await client.get("/")).headers["location"] == "/desk/"
            await client.get(f"/desk/?token={door.token}")
            health = await client.get("/desk/health")  # without a mail queue, as the environment has none
            assert health.status_code == 200 and "mail does not answer" in health.text
            first = (await client.post("/desk/articles/upload?key=tide.md", content=TIDE)).json()
            assert first["state"] == "written"
            await asyncio.to_thread(cloud.publish, ["pressrun.toml", "tide.md"])
            page = (await client.get("/desk/")).text
            assert 'href="https://tides.example/tide/"' in page
            text = TIDE.decode().replace("rises", "falls")
            await post("write/save", key="tide.md", text=text, etag=first["etag"], do="publish")
            page = (await client.get("/desk/articles/one?key=tide.md")).text
            versions = re.findall(r"articles/version\?key=tide.md&amp;version=([^\"]+)", page)
            assert len(versions) == 2
            await post("articles/back", key="tide.md", version=versions[1])
            assert house().content.get("tide.md").body == TIDE
            await post("articles/withdraw", key="tide.md")
            assert [stat.key for stat in shelves.aside.list()] == ["tide.md"]
            await post("articles/restore", key="tide.md")
            assert house().content.get("tide.md").body == TIDE

    asyncio.run(edit())
    shelves.close()

"""The demonstration's page in a browser, as people use it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import (
    Browser,
    CDPSession,
    ConsoleMessage,
    FilePayload,
    Locator,
    Page,
    Request,
    ViewportSize,
    expect,
)

from docwiz_tasks.testing.portrait import portrait

DESKTOP = ViewportSize(width=1280, height=900)
PHONE = ViewportSize(width=390, height=844)
PATIENCE = 60_000  # milliseconds, where the machine is busy
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
NOTICE = "AI simulation, not a guarantee of results."

# What a progress bar shows, in the order in which it is shown.
RECORDER = """
window.shownProgress = [];
new MutationObserver((changes) => {
  for (const change of changes) {
    if (change.target.tagName === "PROGRESS") { window.shownProgress.push(change.target.value); }
  }
}).observe(document, { subtree: true, attributes: true, attributeFilter: ["value"] });
"""


class Demonstration:
    """The server, and a gate that its AI waits at while it is closed."""

    def __init__(self, folder: Path) -> None:
        self.gate = folder / "gate"
        script = Path(__file__).with_name("gated_demonstration.py")
        self.process = subprocess.Popen(
            [sys.executable, str(script), str(self.gate)], stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().split()[0]

    def stop(self) -> None:
        self.gate.unlink(missing_ok=True)
        self.process.terminate()
        self.process.communicate(timeout=60)


@pytest.fixture(scope="module")
def server(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demonstration]:
    # Not started in vain where there is no browser.
    made = Demonstration(tmp_path_factory.mktemp("demonstration"))
    yield made
    made.stop()


@pytest.fixture
def closed_gate(server: Demonstration) -> Iterator[Callable[[], None]]:
    """The AI waits; what this gives lets it go on."""

    def let_go() -> None:
        server.gate.unlink(missing_ok=True)

    server.gate.touch()
    yield let_go
    let_go()


@pytest.fixture
def complaints() -> list[str]:
    """What the browser complained of: errors, violations of the policy, requests elsewhere."""
    return []


@pytest.fixture
def opened(
    browser: Browser, server: Demonstration, complaints: list[str]
) -> Iterator[Callable[..., Page]]:
    """Opens the page; it must not have complained of anything at the end."""
    contexts = []

    def console(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            complaints.append(message.text)

    def request(sent: Request) -> None:
        if not sent.url.startswith((server.url, server.url.replace("http", "ws"), "data:")):
            complaints.append(sent.url)

    def opens(**options: Any) -> Page:
        context = browser.new_context(viewport=options.pop("viewport", DESKTOP), **options)
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        page = context.new_page()
        page.on("console", console)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", request)
        page.add_init_script(RECORDER)
        page.goto(server.url)
        return page

    expect.set_options(PATIENCE)
    yield opens
    for context in contexts:
        context.close()
    assert complaints == []


def upload(page: Page, photo: bytes) -> None:
    file = FilePayload(name="me.jpg", mimeType="image/jpeg", buffer=photo)
    page.get_by_label("Choose a photo…").set_input_files(file)


def choose(page: Page, *procedures: str) -> None:
    page.get_by_role("button", name="Use the sample photo").click()
    for procedure in procedures:
        page.get_by_label(procedure).check()


def start(page: Page) -> None:
    page.locator("#start").click()


def pictures(page: Page, count: int) -> Locator:
    expect(page.locator("figure")).to_have_count(count)
    return page.locator("figure")


def lines_are_at(page: Page) -> list[int]:
    """Return where the lines are, in percent, after checking that the pictures end there."""
    at = [
        int(value)
        for value in page.locator("figure input").evaluate_all("all => all.map(one => one.value)")
    ]
    shown = page.locator(".shown").evaluate_all(
        "all => all.map(one => getComputedStyle(one).clipPath)"
    )
    assert shown == [f"inset(0px 0px 0px {value}%)" for value in at]
    return at


def views(page: Page) -> list[dict[str, str]]:
    """Return which part of itself each picture shows, before and after."""
    script = """all => all.map(one => {
        const style = getComputedStyle(one);
        return {scale: style.transform, origin: style.transformOrigin};
    })"""
    found: list[dict[str, str]] = page.locator(".frame img").evaluate_all(script)
    return found


def place(frame: Locator, x: float, y: float) -> tuple[float, float]:
    """Return a place in a frame, in pixels of the window."""
    frame.scroll_into_view_if_needed()
    box = frame.bounding_box()
    assert box is not None
    return box["x"] + box["width"] * x, box["y"] + box["height"] * y


def drag(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(*end, steps=5)
    page.mouse.up()


def touch(cdp: CDPSession, *paths: tuple[tuple[float, float], tuple[float, float]]) -> None:
    """Move a finger along each path, all at once."""
    for step in range(6):
        fingers = [
            {"id": id, "x": a + (c - a) * step / 5, "y": b + (d - b) * step / 5}
            for id, ((a, b), (c, d)) in enumerate(paths)
        ]
        kind = "touchMove" if step else "touchStart"
        cdp.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": fingers})
    cdp.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def test_an_uploaded_photo_becomes_a_preview_while_the_progress_goes_up(
    opened: Callable[..., Page], closed_gate: Callable[[], None]
) -> None:
    page = opened()
    expect(page.locator("#start-hint")).to_have_text("Choose a photo first.")
    upload(page, portrait())
    expect(page.get_by_role("img", name="The chosen photo")).to_be_visible()
    expect(page.locator("#start-hint")).to_have_text("Choose at least one procedure.")
    page.get_by_label("Rhinoplasty").check()
    start(page)
    expect(page.get_by_role("progressbar")).to_have_js_property("value", 20)
    expect(page.locator("#job .status")).to_have_text("The picture is being made")
    closed_gate()
    pictures(page, 1)
    shown = page.evaluate("window.shownProgress")
    assert shown == sorted(shown)
    assert {20, 100} <= set(shown)


def test_it_says_that_it_is_a_simulation_and_a_demonstration(opened: Callable[..., Page]) -> None:
    page = opened()
    expect(page.get_by_text("This is a demonstration for this machine only.")).to_be_visible()
    choose(page, "Lip augmentation")
    start(page)
    figure = pictures(page, 1)
    expect(figure.get_by_text("After: simulation")).to_be_visible()
    expect(page.get_by_text(NOTICE)).to_be_visible()
    expect(figure).to_contain_text("Typically USD 500 to 2,000")
    expect(figure).to_contain_text("About 3 days of recovery")


def test_the_line_is_moved_by_keys(opened: Callable[..., Page]) -> None:
    page = opened()
    choose(page, "Rhinoplasty")
    start(page)
    line = pictures(page, 1).get_by_role("slider", name="Line between before and after")
    line.focus()
    assert lines_are_at(page) == [50]
    for key, at in {"ArrowRight": 51, "ArrowLeft": 50, "End": 100, "Home": 0, "ArrowUp": 1}.items():
        line.press(key)
        assert lines_are_at(page) == [at]
        expect(line).to_have_attribute("aria-valuetext", f"{at} percent before")


def test_the_line_is_moved_by_mouse(opened: Callable[..., Page]) -> None:
    page = opened()
    choose(page, "Rhinoplasty")
    start(page)
    frame = pictures(page, 1).locator(".frame")
    drag(page, place(frame, 0.5, 0.4), place(frame, 0.25, 0.4))
    assert lines_are_at(page) == [25]
    page.mouse.click(*place(frame, 0.8, 0.4))
    assert lines_are_at(page) == [80]
    page.mouse.move(*place(frame, 0.1, 0.4))
    assert lines_are_at(page) == [80]


def test_the_line_is_moved_by_touch_and_the_page_still_scrolls(opened: Callable[..., Page]) -> None:
    page = opened(viewport=PHONE, has_touch=True, is_mobile=True)
    choose(page, "Rhinoplasty")
    start(page)
    frame = pictures(page, 1).locator(".frame")
    cdp = page.context.new_cdp_session(page)
    touch(cdp, (place(frame, 0.5, 0.4), place(frame, 0.25, 0.4)))
    assert lines_are_at(page) == [25]
    before = page.evaluate("scrollY")
    x, y = place(frame, 0.6, 0.2)
    touch(cdp, ((x, y), (x + 3, y + 200)))
    assert page.evaluate("scrollY") < before
    assert lines_are_at(page) == [25]


def test_a_comparison_shows_the_same_part_of_all_pictures(opened: Callable[..., Page]) -> None:
    page = opened()
    choose(page, "Rhinoplasty", "Facelift", "Chin augmentation")
    expect(page.locator("#start")).to_have_text("Compare 3 procedures")
    start(page)
    frames = pictures(page, 3).locator(".frame")

    def moved(before: dict[str, str]) -> dict[str, str]:
        all_of_them = views(page)
        assert len(all_of_them) == 6
        assert all_of_them == [all_of_them[0]] * 6
        assert all_of_them[0] != before
        return all_of_them[0]

    view = views(page)[0]
    zoom = page.get_by_role("slider", name="Zoom")
    zoom.press("PageUp")
    view = moved(view)
    zoom.fill("2.5")
    expect(zoom).to_have_attribute("aria-valuetext", "2.5 times")
    view = moved(view)
    assert view["scale"] == "matrix(2.5, 0, 0, 2.5, 0, 0)"
    drag(page, place(frames.nth(1), 0.8, 0.5), place(frames.nth(1), 0.6, 0.4))
    view = moved(view)
    assert lines_are_at(page) == [50, 50, 50]
    page.get_by_role("slider", name="before and after: Facelift").press("Shift+ArrowLeft")
    view = moved(view)
    assert lines_are_at(page) == [50, 50, 50]
    drag(page, place(frames.nth(1), 0.5, 0.5), place(frames.nth(1), 0.3, 0.5))
    assert lines_are_at(page) == [50, 30, 50]
    assert views(page)[0] == view


def test_two_fingers_zoom_into_all_pictures(opened: Callable[..., Page]) -> None:
    page = opened(viewport=PHONE, has_touch=True, is_mobile=True)
    choose(page, "Rhinoplasty", "Facelift")
    start(page)
    frame = pictures(page, 2).locator(".frame").first
    cdp = page.context.new_cdp_session(page)
    left = place(frame, 0.4, 0.5), place(frame, 0.2, 0.5)
    right = place(frame, 0.6, 0.5), place(frame, 0.8, 0.5)
    touch(cdp, left, right)
    assert float(page.get_by_role("slider", name="Zoom").input_value()) == pytest.approx(3, abs=0.2)
    assert views(page) == [views(page)[0]] * 4
    assert lines_are_at(page) == [50, 50]


def test_a_job_is_cancelled(opened: Callable[..., Page], closed_gate: Callable[[], None]) -> None:
    page = opened()
    choose(page, "Rhinoplasty", "Facelift")
    start(page)
    expect(page.locator("#start-hint")).to_have_text("One moment: the picture is being made.")
    page.get_by_role("button", name="Cancel").click()
    closed_gate()
    expect(page.locator("#job .status")).to_have_text("Cancelled.")
    expect(page.get_by_role("button", name="Cancel")).to_have_count(0)
    expect(page.locator("#start-hint")).to_have_text("")
    assert page.locator("figure").count() == 0


def test_what_goes_wrong_is_said_in_words(
    opened: Callable[..., Page], complaints: list[str]
) -> None:
    page = opened()
    upload(page, b"no photo")
    problem = page.get_by_role("alert").filter(has_text="This file is no photo")
    expect(problem).to_be_visible()
    expect(page.locator("#no-photo")).to_be_visible()
    choose(page, "Rhinoplasty")
    expect(problem).to_have_count(0)
    page.route("**/api/visualizations", lambda route: route.abort())
    start(page)
    expect(page.locator("#job .status")).to_have_text(
        "The server can't be reached. Is it still running?"
    )
    # The browser itself tells of what did not load, and nothing else went wrong.
    assert len(complaints) == 2
    assert all("Failed to load resource" in complaint for complaint in complaints)
    complaints.clear()


def test_the_report_and_the_costs_are_taken_home(opened: Callable[..., Page]) -> None:
    page = opened()
    choose(page, "Rhinoplasty")
    start(page)
    pictures(page, 1)
    page.get_by_role("group", name="Report").get_by_role("button", name="PDF").click()
    with page.expect_download() as report:
        page.get_by_role("link", name="Download: Report as PDF").click()
    assert report.value.suggested_filename.endswith(".pdf")
    assert report.value.path().read_bytes().startswith(b"%PDF-")
    expect(page.get_by_text("Ready: ", exact=False).filter(has_text="pages")).to_be_visible()
    page.get_by_role("group", name="What it costs").get_by_role("button", name="PNG").click()
    costs = page.get_by_role("img", name="Cost infographic. Rhinoplasty")
    expect(costs).to_be_visible()
    expect(costs).to_have_accessible_name(
        "Cost infographic. Rhinoplasty (nose reshaping): USD 11,200.00 in all,"
        " of which the patient pays USD 7,200.00."
    )
    with page.expect_download() as picture:
        page.get_by_role("link", name="Download: Costs as PNG").click()
    assert picture.value.path().read_bytes().startswith(b"\x89PNG")


def test_everybody_can_use_it_at_every_size_in_light_and_dark(opened: Callable[..., Page]) -> None:
    page = opened()

    def checked() -> None:
        for size in (DESKTOP, PHONE):
            page.set_viewport_size(size)
            assert page.evaluate("document.documentElement.scrollWidth") == size["width"]
            for scheme in SCHEMES:
                page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
                found = Axe().run(page)
                assert found.violations_count == 0, found.generate_report()

    checked()
    choose(page, "Rhinoplasty", "Facelift")
    start(page)
    pictures(page, 2)
    page.get_by_role("group", name="What it costs").get_by_role("button", name="PNG").click()
    expect(page.get_by_role("link", name="Download")).to_be_visible()
    checked()

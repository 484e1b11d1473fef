"""The page in a real Chromium: an order from the first key to completed, and that everybody can use it."""

import os
import re
from pathlib import Path

import api_client as api
import processes
import pytest
import support
from axe_core_python.sync_playwright import Axe
from playwright.sync_api import expect

CIN = api.CIN
DEADLINE_MS = 30_000 * support.FACTOR
WCAG = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]}


@pytest.fixture
def up(start, data_dir):
    """up("60-120"): the whole system; its page's address."""
    started = []

    def start_up(latency_ms="0-0", workers=2):
        options = ("--port", 0, "--portal-port", 0, "--orders", 0, "--workers", workers, "--latency-ms", latency_ms)
        process = start("filesure", "up", "--data", data_dir, *options)
        started.append(process)
        return "http://127.0.0.1:" + process.wait_line(r'"filesure is up","page":"127\.0\.0\.1:(\d+)"', 60)[1]

    yield start_up
    for process in started:
        children = processes.descendants(process.pid)
        process.kill()
        processes.kill(children)


@pytest.fixture
def server(start, data_dir):
    """The API alone: orders wait."""
    return api.Api(start, data_dir).wait_ready()


def address(server):
    return f"http://127.0.0.1:{server.port}"


def rows(page):
    return page.locator("#list a.row")


def open_page(page, url):
    page.goto(url)
    expect(page.locator("#connection")).to_have_text("Live", timeout=DEADLINE_MS)


def mark(page):
    """A reload would lose this."""
    page.evaluate("window.marked = true")
    return lambda: page.evaluate("window.marked === true")


def shot(page, name):
    if folder := os.environ.get("FILESURE_SHOTS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def check_accessible(page):
    violations = Axe().run(page, options=WCAG)["violations"]
    shown = [f"{v['id']}: {v['help']}: {[node['html'] for node in v['nodes']][:3]}" for v in violations]
    assert not shown, "\n".join(shown)


# ---- the first order ----


def test_an_order_moves_to_completed_without_a_reload(up, data_dir, page):
    url = up("120-200")
    open_page(page, url)
    unloaded = mark(page)
    page.get_by_label("Company identity numbers (CIN)").fill(CIN)
    expect(page.locator("#cins-check")).to_have_text("1 valid CIN.")
    page.get_by_role("button", name="Order", exact=True).click()
    row = rows(page).first
    expect(row).to_contain_text(CIN)
    seen = set()

    def completed():
        seen.add(row.locator("progress").evaluate("bar => bar.value"))
        return row.locator(".state").inner_text() == "completed"

    support.wait_until(completed, 90, "the order completed on the page")
    shot(page, "orders")
    assert len(seen) >= 3 and max(seen) == 100, f"progress did not move: {sorted(seen)}"
    assert unloaded()
    expect(page.locator('#counts button[data-status="completed"] b')).to_have_text("1")

    row.click()
    expect(page.locator("#job-state")).to_have_text("completed")
    documents = support.store_rows(data_dir, "SELECT * FROM documents ORDER BY number")
    expect(page.locator("#documents tbody tr")).to_have_count(len(documents))
    expect(page.locator("#runs li")).to_have_count(3, timeout=DEADLINE_MS)
    shot(page, "order")
    for name, kind in (("PDF", "application/pdf"), ("Text", "text/plain"), ("JSON", "application/json")):
        link = page.get_by_role("link", name=f"{name} of document 1", exact=True)
        answer = page.request.get(url + link.get_attribute("href"))
        assert answer.status == 200 and answer.headers["content-type"].startswith(kind)
    assert unloaded()
    check_accessible(page)


def test_sample_companies(up, page):
    open_page(page, up())
    page.get_by_role("button", name="Order 5 sample companies").click()
    expect(rows(page)).to_have_count(5)
    expect(page.locator("#cins-check")).to_have_text("5 orders placed.")
    expect(page.locator('#counts button[data-status="completed"] b')).to_have_text("5", timeout=3 * DEADLINE_MS)
    expect(page.locator('#list .state[data-state="completed"]')).to_have_count(5)


# ---- ordering ----


def test_cins_are_looked_at_while_typed(server, page):
    open_page(page, address(server))
    box = page.get_by_label("Company identity numbers (CIN)")
    button = page.locator("#order-button")
    check = page.locator("#cins-check")
    expect(button).to_be_disabled()
    box.fill("X72900KA2015PTC082988")
    expect(check).to_contain_text("position 1 must be L or U")
    expect(box).to_have_attribute("aria-invalid", "true")
    box.fill("U72900KA2015PTC08298")
    expect(check).to_contain_text("has 20 characters")
    expect(button).to_be_disabled()
    box.fill(f"{api.cin(1).lower()},\n{api.cin(2)}; {api.cin(3)} {api.cin(3)}")
    expect(check).to_have_text("3 valid CINs, 1 repetition left out.")
    expect(button).to_have_text("Order 3 companies")
    button.click()
    expect(rows(page)).to_have_count(3)
    expect(box).to_have_value("")
    assert len(support.store_rows(server.data, "SELECT id FROM jobs")) == 3


# ---- finding ----


def test_filter_and_search_live_in_the_address(server, page):
    ids = server.order(*map(api.cin, range(1, 4)))
    server.post(f"/api/v1/jobs/{ids[0]}/cancel")
    open_page(page, address(server))
    expect(rows(page)).to_have_count(3)
    page.locator('#counts button[data-status="cancelled"]').click()
    expect(rows(page)).to_have_count(1)
    expect(page).to_have_url(re.compile(r"\?status=cancelled$"))
    page.reload()
    expect(rows(page)).to_have_count(1)
    expect(page.locator('#counts button[data-status="cancelled"]')).to_have_attribute("aria-pressed", "true")
    page.go_back()
    expect(rows(page)).to_have_count(3)
    page.get_by_label("Search by CIN or company name").fill(api.cin(2)[:15].lower())
    expect(page).to_have_url(re.compile(r"\?q="))
    expect(rows(page)).to_have_count(3)
    page.get_by_label("Search by CIN or company name").fill(api.cin(2))
    expect(rows(page)).to_have_count(1)
    page.get_by_label("Search by CIN or company name").fill("nobody")
    expect(page.locator("#list-empty")).to_have_text("No order matches.")


def test_a_name_is_shown_as_text(server, page):
    name = "<img src=x onerror=alert(1)> & Söhne"
    server.post("/api/v1/jobs", {"companies": [{"cin": api.cin(1), "companyName": name}]})
    open_page(page, address(server))
    expect(rows(page).first.locator(".name")).to_have_text(name)
    assert page.locator("#list img").count() == 0


def test_older_orders_come_on_demand(server, page):
    server.order(*map(api.cin, range(120)))
    open_page(page, address(server))
    expect(rows(page)).to_have_count(50)
    page.get_by_role("button", name="Show older orders").click()
    expect(rows(page)).to_have_count(100)
    page.get_by_role("button", name="Show older orders").click()
    expect(rows(page)).to_have_count(120)
    expect(page.get_by_role("button", name="Show older orders")).to_be_hidden()


def test_keyboard(server, page):
    server.order(*map(api.cin, range(3)))
    open_page(page, address(server))
    expect(rows(page)).to_have_count(3)
    page.keyboard.press("j")
    expect(rows(page).nth(0)).to_be_focused()
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(rows(page).nth(2)).to_be_focused()
    page.keyboard.press("k")
    expect(rows(page).nth(1)).to_be_focused()
    second = rows(page).nth(1).get_attribute("data-job")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(f"job={second}$"))
    expect(page.locator("#job-title")).to_be_focused()
    page.keyboard.press("Escape")
    expect(rows(page).nth(1)).to_be_focused()
    page.keyboard.press("/")
    expect(page.get_by_label("Search by CIN or company name")).to_be_focused()
    page.keyboard.type("jk")  # letters while typing
    expect(page.get_by_label("Search by CIN or company name")).to_have_value("jk")


# ---- cancel and retry ----


def test_cancel_and_retry_ask_first(server, page):
    job_id = server.order(api.cin(1))[0]
    open_page(page, f"{address(server)}/?job={job_id}")
    expect(page.locator("#job-view")).to_contain_text("Waits for its turn.")
    page.get_by_role("button", name="Cancel…").click()
    expect(page.get_by_role("dialog")).to_contain_text("Cancel this order?")
    check_accessible(page)
    page.get_by_role("button", name="Back").click()
    assert server.job(job_id)["status"] == "pending"
    page.get_by_role("button", name="Cancel…").click()
    page.get_by_role("button", name="Cancel the order").click()
    expect(page.locator("#job-state")).to_have_text("cancelled")
    page.get_by_role("button", name="Try again…").click()
    page.get_by_role("dialog").get_by_role("button", name="Try again").click()
    expect(page.locator("#job-state")).to_have_text("pending")
    assert server.job(job_id)["status"] == "pending"


def test_a_refusal_is_shown(server, page):
    first = server.order(api.cin(1))[0]
    server.post(f"/api/v1/jobs/{first}/cancel")
    second = server.order(api.cin(1))[0]
    open_page(page, f"{address(server)}/?job={first}")
    page.get_by_role("button", name="Try again…").click()
    page.get_by_role("dialog").get_by_role("button", name="Try again").click()
    expect(page.get_by_role("alert")).to_contain_text(second)
    page.problems[:] = [p for p in page.problems if "409" not in p]  # Chromium logs the status


def test_an_order_that_is_not_there(server, page):
    open_page(page, f"{address(server)}/?job=000000000000000000000000")
    expect(page.get_by_role("alert")).to_contain_text("There is no such order")
    page.get_by_role("link", name="All orders").click()
    expect(page.locator("#orders-view")).to_be_visible()
    page.problems[:] = [p for p in page.problems if "404" not in p]


def test_an_order_that_is_removed_meanwhile(server, start, page):
    """A purge is seen in the list, and on the page of the order that was open: no broken page, no button that fails."""
    gone, stays = server.order(api.cin(1), api.cin(2))
    assert server.post(f"/api/v1/jobs/{gone}/cancel").status == 200
    other = page.context.new_page()
    open_page(other, address(server))
    expect(rows(other)).to_have_count(2)
    open_page(page, f"{address(server)}/?job={gone}")
    unloaded = mark(page)
    expect(page.locator("#job-state")).to_have_text("cancelled")
    api.change_store(server.data, "UPDATE store SET anchor_ms = anchor_ms + ?", 48 * 3600 * 1000)
    api.Api(start, server.data, RETENTION_DAYS=1)
    expect(page.get_by_role("alert")).to_contain_text("There is no such order, or it was removed", timeout=DEADLINE_MS)
    expect(page).to_have_title("Order not found – filesure")
    expect(page.get_by_role("heading", name="Order not found")).to_be_focused()
    expect(page.get_by_role("button", name="Try again")).to_have_count(0)
    assert unloaded()
    check_accessible(page)
    expect(rows(other)).to_have_count(1, timeout=DEADLINE_MS)
    expect(other.locator('#counts button[data-status=""] b')).to_have_text("1")
    page.get_by_role("link", name="All orders").click()
    expect(rows(page)).to_have_count(1)
    expect(rows(page).first).to_have_attribute("data-job", stays)
    page.problems[:] = [p for p in page.problems if "404" not in p]


# ---- live ----


def test_what_others_do_is_seen(server, run_program, page):
    open_page(page, address(server))
    unloaded = mark(page)
    result = run_program("filesure", "order", "--data", server.data, api.cin(7))
    assert result.returncode == 0, result.stderr
    expect(rows(page)).to_have_count(1, timeout=DEADLINE_MS)
    server.post(f"/api/v1/jobs/{rows(page).first.get_attribute('data-job')}/cancel")
    expect(rows(page).first.locator(".state")).to_have_text("cancelled", timeout=DEADLINE_MS)
    assert unloaded()


def test_a_lost_connection_shows_and_recovers(start, server, data_dir, page):
    server.order(api.cin(1))
    open_page(page, address(server))
    expect(rows(page)).to_have_count(1)
    server.process.stop()
    expect(page.locator("#connection")).to_contain_text("Connection lost", timeout=DEADLINE_MS)
    process = start("filesure-api", "--listen", f"127.0.0.1:{server.port}", env={"FILESURE_DATA": data_dir})
    process.wait_port()
    server.order(api.cin(2))
    expect(page.locator("#connection")).to_have_text("Live", timeout=DEADLINE_MS)
    expect(rows(page)).to_have_count(2, timeout=DEADLINE_MS)
    page.problems[:] = [p for p in page.problems if "ERR_" not in p]


def test_polling_when_there_is_no_event_stream(server, page):
    page.route("**/api/v1/events", lambda route: route.abort())
    page.goto(address(server))
    expect(page.locator("#connection")).to_have_text("Polling", timeout=DEADLINE_MS)
    server.order(api.cin(1))
    expect(rows(page)).to_have_count(1, timeout=DEADLINE_MS)
    page.problems[:] = [p for p in page.problems if "ERR_FAILED" not in p]


# ---- for everybody ----


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_accessible_and_in_bounds(server, page, scheme, width):
    ids = server.order(*map(api.cin, range(4)))
    named = {
        "companies": [{"cin": api.cin(9), "companyName": "A company with a very long name that goes on and on " * 3 + "Limited"}]
    }
    server.post("/api/v1/jobs", named)
    server.post(f"/api/v1/jobs/{ids[0]}/cancel")
    api.change_store(
        server.data,
        "UPDATE jobs SET status = 'failed', error_code = 'too_many_attempts', error_message = 'portal_down: x' WHERE id = ?",
        ids[1],
    )
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme=scheme)
    open_page(page, address(server))
    expect(rows(page)).to_have_count(5)
    page.get_by_label("Company identity numbers (CIN)").fill("wrong")
    check_accessible(page)
    shot(page, f"orders-{scheme}-{width}")
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    for job_id in (ids[1], ids[2]):
        page.goto(f"{address(server)}/?job={job_id}")
        expect(page.locator("#job-title")).to_be_visible()
        check_accessible(page)
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    shot(page, f"order-{scheme}-{width}")
    small = page.evaluate(
        "[...document.querySelectorAll('button, input, textarea')]"
        ".filter(e => e.offsetParent && (e.offsetHeight < 24 || e.offsetWidth < 24)).length"
    )
    assert small == 0  # WCAG 2.2: target size


def test_the_page_loads_nothing_from_elsewhere(server, page):
    hosts = set()
    page.on("request", lambda request: hosts.add(request.url.split("/")[2]))
    open_page(page, address(server))
    assert hosts == {f"127.0.0.1:{server.port}"}

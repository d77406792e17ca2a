import { expect, type Locator, type Page, test } from "@playwright/test";
import { approvalOf, complaints, live, startRun, until } from "./support";

/** Opens a request that waits, with its buttons. */
async function waiting(page: Page): Promise<{ run: string; approve: Locator; said: Locator }> {
  const run = await startRun(page);
  await approvalOf(page, run, "sign.repair");
  await live(page, true);
  return { run, approve: page.getByRole("button", { name: "Approve" }), said: page.locator(".signbar").getByRole("status") };
}

/** Nothing was signed, by what the server says. */
async function stillWaits(page: Page): Promise<void> {
  const asked = await page.request.get(`/api/v1/approvals/${new URL(page.url()).pathname.split("/").pop()}`);
  expect(await asked.json()).toMatchObject({ row: { state: "pending" }, decisions: [] });
}

/** Counts the answers that the page sends. */
function answers(page: Page): string[] {
  const sent: string[] = [];
  page.on("request", (request) => {
    if (request.url().endsWith("/decide")) sent.push(request.url());
  });
  return sent;
}

test("a stray key says what would follow and signs nothing", async ({ page }) => {
  const heard = complaints(page);
  const sent = answers(page);
  const { approve, said } = await waiting(page);
  const before = await page.locator(".signbar").boundingBox();
  await page.keyboard.press("a");
  await expect(said).toHaveText(
    "Press A again, or Enter, to approve: the result is accepted and the task succeeds, sign.paint can start. Esc to leave it.",
  );
  await expect(approve).toHaveAttribute("data-armed", "ready");
  // Nothing moves under the reader's eyes.
  expect(await page.locator(".signbar").boundingBox()).toEqual(before);
  // It goes by itself, and the Enter that comes late is a first key again.
  await expect(said).toBeEmpty();
  await expect(page.locator("[data-armed]")).toHaveCount(0);
  await page.keyboard.press("Enter");
  expect(sent).toEqual([]);
  await stillWaits(page);
  expect(heard).toEqual([]);
});

test("a key that is held signs nothing", async ({ page }) => {
  const sent = answers(page);
  const { approve } = await waiting(page);
  for (let times = 0; times < 40; times += 1) {
    // Down again without having been up: the browser calls it a repeat.
    await page.keyboard.down("a");
  }
  await expect(approve).toHaveAttribute("data-armed", "armed");
  await page.keyboard.press("Enter");
  await page.keyboard.up("a");
  // Once it is let go, the next press is a second one.
  await expect(approve).toHaveAttribute("data-armed", "ready");
  expect(sent).toEqual([]);
  await stillWaits(page);
});

test("two presses sign, and Enter is as good as the key", async ({ page }) => {
  for (const second of ["a", "Enter"]) {
    const { run, approve } = await waiting(page);
    await page.keyboard.press("a");
    await expect(approve).toHaveAttribute("data-armed", "ready");
    await page.keyboard.press(second);
    await expect(page.locator(".outcome")).toContainText("Approved by admin");
    await until(page, run, "sign.paint", "succeeded");
  }
});

test("whoever turns elsewhere signs nothing with Enter", async ({ page }) => {
  const sent = answers(page);
  const { approve } = await waiting(page);
  const away: [string, () => Promise<unknown>][] = [
    ["Escape", () => page.keyboard.press("Escape")],
    ["another letter", () => page.keyboard.press("x")],
    ["a click", () => page.locator("h1").click()],
    ["the note", () => page.getByLabel("Note").focus()],
    ["another window", () => page.evaluate(() => window.dispatchEvent(new Event("blur")))],
    ["another tab", () => page.evaluate(() => document.dispatchEvent(new Event("visibilitychange", { bubbles: true })))],
  ];
  for (const [how, turn] of away) {
    await page.getByLabel("Note").blur();
    await page.keyboard.press("a");
    await expect(approve, how).toHaveAttribute("data-armed", "ready");
    await turn();
    await expect(page.locator("[data-armed]"), how).toHaveCount(0);
    await page.getByLabel("Note").blur();
    await page.keyboard.press("Enter");
  }
  expect(sent).toEqual([]);
  await stillWaits(page);
});

test("Enter gives the armed answer, whichever button has the focus", async ({ page }) => {
  const { approve } = await waiting(page);
  const reject = page.getByRole("button", { name: "Reject" });
  await page.getByLabel("Note").fill("it hangs askew");
  await reject.focus();
  await page.keyboard.press("r");
  await expect(reject).toHaveAttribute("data-armed", "ready");
  // The key of another answer arms that one instead.
  await page.keyboard.press("a");
  await expect(reject).not.toHaveAttribute("data-armed");
  await expect(approve).toHaveAttribute("data-armed", "ready");
  await page.keyboard.press("Enter");
  await expect(page.locator(".outcome")).toContainText("Approved by admin");
});

test("a request that changes while its key is armed is not signed", async ({ page }) => {
  const { run, approve } = await waiting(page);
  const address = new URL(page.url()).pathname;
  const digest = await page.locator("input[name=digest]").inputValue();
  await page.keyboard.press("a");
  await expect(approve).toHaveAttribute("data-armed", "ready");
  const changes = await page.request.post(`${address}/decide`, {
    form: { digest, verdict: "request_changes", note: "larger letters" },
    headers: { "sec-fetch-site": "same-origin" },
    maxRedirects: 0,
  });
  expect(changes.status()).toBe(303);
  await expect(page.locator(".outcome")).toContainText("Changes asked for by admin");
  const sent = answers(page);
  await page.keyboard.press("Enter");
  expect(sent).toEqual([]);
  expect(await approvalOf(page, run, "sign.repair")).not.toBe(address);
  await stillWaits(page);
});

test("a key leads to the note that an answer needs, and is a letter there", async ({ page }) => {
  await waiting(page);
  await page.keyboard.press("r");
  const note = page.getByLabel("Note");
  await expect(note).toBeFocused();
  await page.keyboard.type("a sign can wait");
  await expect(note).toHaveValue("a sign can wait");
  await note.blur();
  await page.keyboard.press("r");
  await expect(page.locator(".signbar").getByRole("status")).toContainText("to reject: the task is recorded as failed, with your note");
  await expect(page.getByRole("button", { name: "Reject" })).toHaveAttribute("data-armed", "ready");
  await page.keyboard.press("r");
  await expect(page.locator(".outcome")).toContainText("Rejected by admin");
});

test("no key answers a request that a narrow window does not show", async ({ page }) => {
  await waiting(page);
  await page.setViewportSize({ width: 390, height: 844 });
  await page.goto("/approvals");
  await live(page, true);
  const approve = page.locator("button[value=approve]");
  await expect(approve).toBeHidden();
  await page.keyboard.press("a");
  await page.keyboard.press("a");
  await expect(page.locator("[data-armed]")).toHaveCount(0);
  // Where the sheet is seen, the same key arms.
  await page.setViewportSize({ width: 1280, height: 844 });
  await expect(approve).toBeVisible();
  await page.keyboard.press("a");
  await expect(approve).toHaveAttribute("data-armed", "ready");
});

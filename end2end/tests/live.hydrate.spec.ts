import { expect, test } from "@playwright/test";
import { complaints, live, startRun, until } from "./support";

test("times are the reader's, with UTC on hover, and hydration asks for nothing", async ({ page }) => {
  const said = complaints(page);
  const asked: string[] = [];
  page.on("request", (request) => {
    if (request.url().includes("/fn/")) asked.push(request.url());
  });
  await page.goto("/plans/harbour");
  // Browsers still call the zone by its older name.
  await expect(page.locator("footer")).toContainText(/Asia\/(Kolkata|Calcutta)/);
  expect(asked).toEqual([]);

  const next = page.locator("tbody time").first();
  const utc = new Date((await next.getAttribute("datetime")) ?? "");
  await expect(next).toHaveAttribute("title", /UTC$/);
  const local = new Date(utc.getTime() + 5.5 * 3600_000);
  const clock = `${String(local.getUTCHours()).padStart(2, "0")}:${String(local.getUTCMinutes()).padStart(2, "0")}`;
  await expect(next).toContainText(clock);
  expect(said).toEqual([]);
});

test("an item that is decided elsewhere says so by itself", async ({ page }) => {
  const said = complaints(page);
  const run = await startRun(page);
  await until(page, run, "sign.repair", "awaiting approval");
  await page.getByRole("link", { name: "sign.repair" }).click();
  await page.getByRole("link", { name: "See the approval" }).click();
  await expect(page).toHaveURL(/\/approvals\/\d+$/);
  await live(page, true);
  const address = new URL(page.url()).pathname;
  const digest = await page.locator("input[name=digest]").inputValue();
  const answer = await page.request.post(`${address}/decide`, {
    form: { digest, verdict: "approve", note: "from elsewhere" },
    headers: { "sec-fetch-site": "same-origin" },
    maxRedirects: 0,
  });
  expect(answer.status()).toBe(303);
  await expect(page.locator(".outcome")).toContainText("Approved by admin");
  await expect(page.getByRole("button", { name: "Approve" })).toHaveCount(0);
  expect(said).toEqual([]);
});

test("one key decides, but not while somebody types", async ({ page }) => {
  const run = await startRun(page);
  await until(page, run, "sign.repair", "awaiting approval");
  await page.getByRole("link", { name: "sign.repair" }).click();
  await page.getByRole("link", { name: "See the approval" }).click();
  await expect(page).toHaveURL(/\/approvals\/\d+$/);
  await live(page, true);
  await page.keyboard.press("r");
  const note = page.getByLabel("Note");
  await expect(note).toBeFocused();
  await page.keyboard.type("a sign can wait");
  await expect(note).toHaveValue("a sign can wait");
  await note.blur();
  await page.keyboard.press("r");
  await expect(page.locator(".outcome")).toContainText("Rejected by admin");
});

import { expect, test } from "@playwright/test";
import { approvalOf, complaints, live, startRun } from "./support";

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
  const address = await approvalOf(page, run, "sign.repair");
  await live(page, true);
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

import { expect, test } from "@playwright/test";
import { complaints, live, startRun, until } from "./support";

test("a run is started, stopped by its gate, signed, and found in the history", async ({ page, javaScriptEnabled }) => {
  const said = complaints(page, javaScriptEnabled);
  await page.goto("/");
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
  await live(page, javaScriptEnabled);

  // A wrong input is said beside its field, and what was typed stays.
  await page.goto("/plans/harbour");
  await page.getByLabel("pier").fill("south");
  await page.getByLabel("depth").fill("deep");
  await page.getByRole("button", { name: "Run now" }).click();
  await expect(page.locator('[id="field-inputs.depth-wrong"]')).toBeVisible();
  await expect(page.getByLabel("depth")).toHaveValue("deep");
  await expect(page.getByLabel("pier")).toHaveValue("south");
  expect(page.url()).not.toContain("deep");

  const run = await startRun(page);
  await until(page, run, "sign.repair", "awaiting approval");

  await page.getByRole("link", { name: "sign.repair" }).click();
  await expect(page.getByText("looked at pier north").first()).toBeVisible();
  await page.getByRole("link", { name: "See the approval" }).click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Repair the sign of the pier");
  await expect(page.locator(".diff .plus")).toContainText('alt="The harbour"');
  await expect(page.getByText("sign.paint can start")).toBeVisible();

  // A refusal needs its reason.
  await page.getByRole("button", { name: "Reject" }).click();
  await expect(page.locator("#field-note-wrong")).toContainText("Say why you reject");

  const note = `Looks right </textarea><script>alert(1)</script> ${run}`;
  await page.getByLabel("Note").fill(note);
  await page.getByRole("button", { name: "Approve" }).click();
  await expect(page).toHaveURL(/\/approvals\/\d+$/);
  await expect(page.getByText("Approved by admin").last()).toBeVisible();
  await expect(page.getByText(note)).toBeVisible();
  await until(page, run, "sign.paint", "succeeded");

  await page.goto("/history?status=succeeded&task=sign.repair");
  const row = page.locator("tr").filter({ hasText: "sign.repair" }).first();
  await expect(row).toContainText("approved");
  await expect(page.getByRole("link", { name: "Export as CSV" })).toHaveAttribute(
    "href",
    "/api/v1/tasks.csv?status=succeeded&task=sign.repair",
  );
  expect(said).toEqual([]);
});

test("a second answer is told kindly who was first", async ({ page, javaScriptEnabled }) => {
  const run = await startRun(page);
  await until(page, run, "sign.repair", "awaiting approval");
  await page.getByRole("link", { name: "sign.repair" }).click();
  await page.getByRole("link", { name: "See the approval" }).click();
  await expect(page).toHaveURL(/\/approvals\/\d+$/);
  await live(page, javaScriptEnabled);
  const address = new URL(page.url()).pathname;
  const digest = await page.locator("input[name=digest]").inputValue();

  const first = await page.request.post(`${address}/decide`, {
    form: { digest, verdict: "reject", note: "not this sign" },
    headers: { "sec-fetch-site": "same-origin" },
    maxRedirects: 0,
  });
  expect(first.status()).toBe(303);
  const second = await page.request.post(`${address}/decide`, {
    form: { digest, verdict: "approve", note: "" },
    headers: { "sec-fetch-site": "same-origin" },
  });
  expect(second.status()).toBe(409);
  expect(await second.text()).toContain("Rejected by admin");
  await until(page, run, "sign.paint", "skipped");
});

import { readFile } from "node:fs/promises";
import { expect, test } from "@playwright/test";
import { complaints, startRun, until } from "./support";

test("filters stand in the address, and the export carries exactly them", async ({ page, javaScriptEnabled }) => {
  const said = complaints(page, javaScriptEnabled);
  const run = await startRun(page);
  await until(page, run, "tide.fail", "failed");

  await page.goto("/history");
  await page.getByRole("checkbox", { name: "failed" }).check();
  await page.getByLabel("Task").fill("tide.fail");
  await page.getByLabel("Since").fill("2020-01-01");
  await page.getByRole("button", { name: "Filter" }).click();
  await expect(page).toHaveURL(/status=failed/);
  await expect(page.getByRole("checkbox", { name: "failed" })).toBeChecked();
  await expect(page.locator("tbody tr").first()).toContainText("tide.fail");
  await expect(page.locator("tbody")).not.toContainText("sign.repair");

  const link = page.getByRole("link", { name: "Export as CSV" });
  await expect(link).toHaveAttribute(
    "href",
    "/api/v1/tasks.csv?status=failed&task=tide.fail&since=2020-01-01T00:00:00Z",
  );
  const [download] = await Promise.all([page.waitForEvent("download"), link.click()]);
  const rows = (await readFile(await download.path(), "utf8")).trim().split("\n");
  expect(rows[0]).toMatch(/^id,task,run_id,/);
  expect(rows.length).toBeGreaterThan(1);
  expect(said).toEqual([]);
});

test("a date that is none is said beside its field", async ({ page }) => {
  await page.goto("/history?since=yesterday");
  await expect(page.locator("#field-since-wrong")).toContainText("This is no date");
  await expect(page.getByLabel("Since")).toHaveValue("yesterday");
});

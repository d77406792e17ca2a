import { expect, test } from "@playwright/test";
import { complaints } from "./support";

test("the browser's language is spoken, and another can be chosen", async ({ page }) => {
  const said = complaints(page);
  await page.goto("/history");
  await expect(page.locator("html")).toHaveAttribute("lang", "fr");
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Historique");
  await expect(page.locator("footer")).toContainText("Heures : Europe/Paris");

  await page.getByRole("button", { name: "English" }).click();
  await expect(page).toHaveURL("/history");
  await expect(page.locator("html")).toHaveAttribute("lang", "en");
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("History");
  await page.getByRole("button", { name: "Français" }).click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Historique");
  expect(said).toEqual([]);
});

"""A headless Chromium for tests, where the machine has one."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.chrome.webdriver import WebDriver
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

__all__ = ["Page", "open_browser"]

SECONDS = 20
_CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
_DRIVER = ("chromedriver", "chromium.chromedriver")


class Page:
    """The page that a browser shows, used as a person would."""

    def __init__(self, driver: WebDriver) -> None:
        self.driver = driver

    def open(self, url: str, *, ready: bool = True) -> None:
        self.driver.get(url)
        if ready:
            self.until("return document.body.dataset.ready === 'yes'")

    def until(self, script: str) -> None:
        """Wait until a script returns something true."""
        WebDriverWait(self.driver, SECONDS, 0.05).until(lambda driver: driver.execute_script(script))

    def find(self, selector: str) -> WebElement:
        return WebDriverWait(self.driver, SECONDS, 0.05).until(
            lambda driver: driver.find_element(By.CSS_SELECTOR, selector)
        )

    def texts(self, selector: str) -> list[str]:
        found: list[str] = self.driver.execute_script(
            "return [...document.querySelectorAll(arguments[0])].map((each) => each.textContent)", selector
        )
        return found

    def click(self, selector: str) -> None:
        WebDriverWait(self.driver, SECONDS, 0.05).until(lambda driver: self.find(selector).is_displayed())
        self.find(selector).click()

    def type(self, selector: str, text: str) -> None:
        field = self.find(selector)
        field.clear()
        field.send_keys(text)

    def until_text(self, selector: str, text: str) -> None:
        """Wait until an element says something."""
        WebDriverWait(self.driver, SECONDS, 0.05).until(lambda _: any(text in each for each in self.texts(selector)))

    def resize(self, width: int, height: int) -> None:
        self.driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": 2, "mobile": width < 500},
        )

    def prefer(self, scheme: str) -> None:
        """Have the person prefer light or dark."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

    def errors(self) -> list[str]:
        """Return what the console complained of since the last call."""
        return [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] == "SEVERE"]


@contextmanager
def open_browser(profile: Path) -> Iterator[Page]:
    """Start Chromium with a new profile; skip the test where the machine has none."""
    chromium = next(filter(None, map(shutil.which, _CHROMIUM)), None)
    chromedriver = next(filter(None, map(shutil.which, _DRIVER)), None)
    if chromium is None or chromedriver is None:
        pytest.skip("there is no Chromium with its chromedriver on this machine")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    quiet = ("quic", "background-networking", "component-update", "sync", "gpu", "dev-shm-usage", "extensions")
    for argument in ("headless", "no-sandbox", "no-first-run", *(f"disable-{each}" for each in quiet)):
        options.add_argument(f"--{argument}")
    options.add_argument(f"--user-data-dir={profile}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(chromedriver))
    try:
        yield Page(driver)
    finally:
        driver.quit()

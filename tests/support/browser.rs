//! A browser, as somebody uses it: Chromium without a window, driven over WebDriver.

use std::{
    io::{Read, Write},
    net::TcpStream,
    process::Stdio,
};

use fantoccini::{
    Client, ClientBuilder, Locator,
    elements::Element,
    key::Key,
    wd::{TimeoutConfiguration, WebDriverCompatibleCommand},
};
use hyper_util::client::legacy::connect::HttpConnector;
use reqwest::{Method, Url};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    sync::{Semaphore, SemaphorePermit},
};

use super::{Api, PASSWORD, PATIENCE};

/// A browser takes as much of a machine as some ten stacks.
static TURNS: Semaphore = Semaphore::const_new(2);

/// A browser with one page, and nothing of any other browser's.
pub(crate) struct Browser {
    client: Client,
    _driver: Driver,
    _turn: SemaphorePermit<'static>,
}

/// `chromedriver`, which starts the browser and ends it.
struct Driver {
    _process: Child,
    port: u16,
}

impl Driver {
    async fn start() -> Self {
        // It takes a port that is free for IPv4, and ends when somebody has the same one for IPv6.
        for _ in 0..10 {
            if let Some(driver) = Self::try_start().await {
                return driver;
            }
        }
        panic!("chromedriver ended before it listened, ten times");
    }

    async fn try_start() -> Option<Self> {
        let spawned = Command::new("chromedriver")
            .args(["--port=0", "--log-level=SEVERE"])
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn();
        let mut process = spawned.unwrap_or_else(|error| {
            panic!("chromedriver does not start ({error}); .ci/run installs it: apt-get install chromium chromium-driver")
        });
        let mut lines = BufReader::new(process.stdout.take()?).lines();
        while let Some(line) = lines.next_line().await.unwrap() {
            if let Some((_, port)) = line.split_once("started successfully on port ") {
                return Some(Self { _process: process, port: port.trim_end_matches('.').parse().unwrap() });
            }
        }
        None
    }
}

impl Drop for Driver {
    /// Killing it would leave its browser behind.
    fn drop(&mut self) {
        let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.port)) else { return };
        let _ = stream.write_all(b"GET /shutdown HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        let _ = stream.read_to_end(&mut Vec::new());
    }
}

impl Browser {
    /// A browser at a URL.
    pub(crate) async fn open(url: &str) -> Self {
        let turn = TURNS.acquire().await.unwrap();
        let driver = Driver::start().await;
        // The sandbox needs rights that a container has not; all that is loaded is our own.
        let arguments =
            ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1280,900"];
        let capabilities = json!({
            "goog:chromeOptions": { "args": arguments },
            // A question of the browser's own would stand in the way.
            "unhandledPromptBehavior": "ignore",
        });
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities.as_object().unwrap().clone())
            .connect(&format!("http://127.0.0.1:{}", driver.port))
            .await
            .expect("Chromium starts; .ci/run installs it: apt-get install chromium chromium-driver");
        let timeouts = TimeoutConfiguration::new(Some(PATIENCE), Some(PATIENCE), None);
        client.update_timeouts(timeouts).await.unwrap();
        let browser = Self { client, _driver: driver, _turn: turn };
        browser.go(url).await;
        browser
    }

    /// The admin panel of a stack, at this place.
    pub(crate) async fn admin(api: &Api, place: &str) -> Self {
        Self::open(&format!("{}/admin{place}", api.stack.url())).await
    }

    /// The same, for somebody who has signed in.
    pub(crate) async fn admin_as(api: &Api, name: &str, place: &str) -> Self {
        let browser = Self::admin(api, place).await;
        browser.sign_in(name).await;
        browser.sees("Sign out").await;
        browser
    }

    pub(crate) async fn sign_in(&self, name: &str) {
        self.fill("Username, e-mail address or phone number", name).await;
        self.fill("Password", PASSWORD).await;
        self.press("Sign in").await;
    }

    pub(crate) async fn go(&self, url: &str) {
        self.client.goto(url).await.unwrap();
    }

    pub(crate) async fn back(&self) {
        self.client.back().await.unwrap();
    }

    pub(crate) async fn url(&self) -> String {
        self.client.current_url().await.unwrap().to_string()
    }

    pub(crate) async fn title(&self) -> String {
        self.client.title().await.unwrap()
    }

    /// Presses the button or follows the link with this text.
    pub(crate) async fn press(&self, text: &str) {
        let xpath = format!("//*[self::button or self::a][normalize-space()='{text}']");
        self.find(Locator::XPath(&xpath)).await.click().await.unwrap();
    }

    /// Clicks on the element that this CSS selector finds.
    pub(crate) async fn click(&self, css: &str) {
        self.find(Locator::Css(css)).await.click().await.unwrap();
    }

    /// Types text into the element that this CSS selector finds.
    pub(crate) async fn type_into(&self, css: &str, text: &str) {
        self.find(Locator::Css(css)).await.send_keys(text).await.unwrap();
    }

    /// Puts text in the field with this label, in place of what is there.
    pub(crate) async fn fill(&self, label: &str, text: &str) {
        let field = self.field(label).await;
        field.clear().await.unwrap();
        field.send_keys(text).await.unwrap();
    }

    /// Ticks the box with this label, or takes the tick away.
    pub(crate) async fn tick(&self, label: &str) {
        self.field(label).await.click().await.unwrap();
    }

    /// Chooses an option of the field with this label.
    pub(crate) async fn choose(&self, label: &str, option: &str) {
        self.field(label).await.select_by_label(option).await.unwrap();
    }

    pub(crate) async fn value(&self, label: &str) -> String {
        self.field(label).await.prop("value").await.unwrap().unwrap()
    }

    /// What is said of the field with this label: complaints and hints.
    pub(crate) async fn said_of(&self, label: &str) -> String {
        let described_by = self.field(label).await.attr("aria-describedby").await.unwrap().unwrap();
        let mut said = Vec::new();
        for id in described_by.split(' ') {
            said.push(self.find(Locator::Id(id)).await.text().await.unwrap());
        }
        said.retain(|text| !text.is_empty());
        said.join(" ")
    }

    async fn field(&self, label: &str) -> Element {
        let xpath = format!(
            "//*[@id = //label[normalize-space() = '{label}']/@for] \
             | //label[normalize-space(text()) = '{label}']/*[self::input or self::select]"
        );
        self.find(Locator::XPath(&xpath)).await
    }

    async fn find(&self, locator: Locator<'_>) -> Element {
        match self.client.wait().at_most(PATIENCE).for_element(locator).await {
            Ok(element) => element,
            Err(error) => panic!("{locator:?}: {error}\n{}", self.text().await),
        }
    }

    /// Types with the focus where it is.
    pub(crate) async fn types(&self, keys: &str) {
        self.client.active_element().await.unwrap().send_keys(keys).await.unwrap();
    }

    /// Goes on with the tab key until the focus is on what has this text, as somebody without a mouse does.
    pub(crate) async fn tabs_to(&self, text: &str) {
        for _ in 0..100 {
            self.types(&char::from(Key::Tab).to_string()).await;
            if self.focus().await == text {
                return;
            }
        }
        panic!("the tab key never reaches {text:?}");
    }

    /// What has the focus: its text, or the label of a field.
    pub(crate) async fn focus(&self) -> String {
        let script = "const at = document.activeElement; return at.labels?.[0]?.innerText ?? at.innerText;";
        self.run(script, vec![]).await.as_str().unwrap_or_default().trim().to_owned()
    }

    /// What can be read on the page.
    pub(crate) async fn text(&self) -> String {
        self.run("return document.body.innerText", vec![]).await.as_str().unwrap_or_default().to_owned()
    }

    /// Waits until this can be read on the page.
    pub(crate) async fn sees(&self, text: &str) {
        self.waits_for(text, true).await;
    }

    /// Waits until this cannot be read on the page.
    pub(crate) async fn no_longer_sees(&self, text: &str) {
        self.waits_for(text, false).await;
    }

    async fn waits_for(&self, text: &str, is_there: bool) {
        let script = "
            const [text, isThere, done] = arguments;
            const holds = () => document.body.innerText.includes(text) === isThere;
            if (holds()) return done();
            const watch = new MutationObserver(() => { if (holds()) { watch.disconnect(); done(); } });
            watch.observe(document, { subtree: true, childList: true, characterData: true, attributes: true });";
        let arguments = vec![json!(text), json!(is_there)];
        if let Err(error) = self.client.execute_async(script, arguments).await {
            let wanted = if is_there { "shown" } else { "gone" };
            panic!("{text:?} is to be {wanted}: {error}\n{}", self.text().await);
        }
    }

    /// Runs a script in the page, which may answer with a promise.
    pub(crate) async fn run(&self, script: &str, arguments: Vec<Value>) -> Value {
        self.client.execute(script, arguments).await.unwrap()
    }

    /// Makes the page as wide as a phone, or dark, or whatever else the DevTools protocol can.
    pub(crate) async fn devtools(&self, command: &'static str, parameters: Value) {
        self.client.issue_cmd(DevTools { command, parameters }).await.unwrap();
    }
}

/// A command of the DevTools protocol.
#[derive(Debug)]
struct DevTools {
    command: &'static str,
    parameters: Value,
}

impl WebDriverCompatibleCommand for DevTools {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, <Url as std::str::FromStr>::Err> {
        base.join(&format!("session/{}/goog/cdp/execute", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(json!({ "cmd": self.command, "params": self.parameters }).to_string()))
    }
}

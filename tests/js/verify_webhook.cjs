// Verifies a webhook with the official Standard Webhooks library.
//
// Input (JSON on stdin): secret, headers, body. Output: verified, and the reason if it is not.

const { Webhook, WebhookVerificationError } = require("standardwebhooks");

const task = JSON.parse(require("fs").readFileSync(0, "utf8"));
let answer = { verified: true };
try {
  new Webhook(task.secret).verify(task.body, task.headers);
} catch (error) {
  if (!(error instanceof WebhookVerificationError)) throw error;
  answer = { verified: false, reason: error.message };
}
process.stdout.write(JSON.stringify(answer));

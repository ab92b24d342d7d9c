// Mocha takes one reporter: this one prints as `spec` does and writes what `json` writes.
const { reporters } = require("mocha");

module.exports = class SpecAndJson {
  constructor(runner, options) {
    this.spec = new reporters.Spec(runner, options);
    this.json = new reporters.JSON(runner, options);
  }

  done(failures, callback) {
    callback(failures);
  }
};

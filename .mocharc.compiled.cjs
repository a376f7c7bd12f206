// For specs that are JavaScript already: no loader, and no servers to be tidied up after.
const { 'node-option': _loader, require: _hooks, ...options } = require('./.mocharc.cjs');
module.exports = options;

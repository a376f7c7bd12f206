// For specs that are JavaScript already: no loader. The hooks, compiled with them, are named where there are any.
const { 'node-option': _loader, require: _hooks, ...options } = require('./.mocharc.cjs');
module.exports = options;

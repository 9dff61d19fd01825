const { readFileSync } = require('node:fs');

/**
 * The AWS clients describe every shape of their service in one file, with computed keys (`{ [_eQN]: … }`). To esbuild a
 * computed key may have side effects, so it keeps them all: half a megabyte for EC2, of which a function uses a
 * hundredth. The keys are string constants of the same file; written out, unused shapes fall away.
 */
const plainSchemaKeys = {
  name: 'plain-schema-keys',
  setup(build) {
    build.onLoad({ filter: /@aws-sdk\/[a-z0-9-]+\/dist-es\/schemas\/schemas_\d+\.js$/ }, ({ path }) => {
      const source = readFileSync(path, 'utf8');
      const constants = new Map(
        [...source.matchAll(/^const (_\w+) = ("(?:[^"\\\n]|\\.)*");$/gm)].map(([, name, text]) => [
          name,
          text,
        ]),
      );
      const contents = source.replaceAll(/\[(_\w+)\]:/g, (whole, name) => {
        const text = constants.get(name);
        return text === undefined ? whole : `${text}:`;
      });
      return { contents, loader: 'js' };
    });
  },
};

module.exports = [plainSchemaKeys];

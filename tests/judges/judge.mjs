// Asks programs of others about a file; `tests/judges.rs` says what is asked. The folder SPLAT_JUDGES has the programs.
//
// Rows are splats as they are trained, in little-endian floats: position, quaternion w x y z, logarithms of the scales,
// logit of the opacity, then the SH coefficients, red, green and blue of each.

import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const { resolve } = createRequire(`${process.env.SPLAT_JUDGES}/node_modules/`);
const load = (name) => import(pathToFileURL(resolve(name)));

/** Where the SH beyond the constant coefficient begins in a row. */
const FIRST_SH = 14;
const SH_VALUES = [0, 9, 24, 45];
/** The constant SH basis function. */
const Y0 = 0.28209479177387814;

const logit = (opacity) => Math.log(opacity / (1 - opacity));
const part = (values, width, row) => Array.from(values.subarray(width * row, width * (row + 1)));
const buffer = (path) => new Uint8Array(readFileSync(path)).buffer;

function writeRows(path, count, row) {
    const rows = Array.from({ length: count }, (_, i) => row(i)).flat();
    writeFileSync(path, new Uint8Array(new Float32Array(rows).buffer));
}

/** What the library of the format's authors reads from an SPZ file. */
async function readSpz(input, output) {
    const spz = await (await load('@adobe/spz')).default();
    const cloud = spz.loadSpzFromBuffer(new Uint8Array(readFileSync(input)), { to: spz.CoordinateSystem.UNSPECIFIED });
    writeRows(output, cloud.numPoints, (i) => {
        const [x, y, z, w] = part(cloud.rotations, 4, i);
        return [
            ...part(cloud.positions, 3, i), w, x, y, z, ...part(cloud.scales, 3, i), cloud.alphas[i],
            ...part(cloud.colors, 3, i), ...part(cloud.sh, SH_VALUES[cloud.shDegree], i),
        ];
    });
}

/** Has that library write rows in a version of the format. */
async function writeSpz(input, output, degree, version) {
    const spz = await (await load('@adobe/spz')).default();
    const rows = new Float32Array(buffer(input));
    const width = FIRST_SH + SH_VALUES[degree];
    const column = (...places) => {
        const values = [];
        for (let at = 0; at < rows.length; at += width) values.push(...places.map((place) => rows[at + place]));
        return new Float32Array(values);
    };
    const cloud = {
        numPoints: rows.length / width,
        shDegree: +degree,
        antialiased: true,
        extensions: [],
        positions: column(0, 1, 2),
        rotations: column(4, 5, 6, 3),
        scales: column(7, 8, 9),
        alphas: column(10),
        colors: column(11, 12, 13),
        sh: column(...Array.from({ length: SH_VALUES[degree] }, (_, k) => FIRST_SH + k)),
    };
    const options = { version: +version, from: spz.CoordinateSystem.UNSPECIFIED, sh1Bits: 5, shRestBits: 4 };
    writeFileSync(output, spz.saveSpzToBuffer(cloud, options));
}

/** What GaussianSplats3D reads from a .splat file. */
async function readSplat(input, output) {
    const { SplatParser } = await load('@mkkellogg/gaussian-splats-3d');
    const { splats } = SplatParser.parseStandardSplatToUncompressedSplatArray(buffer(input));
    writeRows(output, splats.length, (i) => {
        const [x, y, z, sx, sy, sz, w, qx, qy, qz, r, g, b, a] = splats[i];
        const sh0 = [r, g, b].map((value) => (value / 255 - 0.5) / Y0);
        return [x, y, z, w, qx, qy, qz, ...[sx, sy, sz].map(Math.log), logit(a / 255), ...sh0];
    });
}

/** Has GaussianSplats3D turn a PLY file into its own format. */
async function writeKsplat(input, output, degree, level) {
    const { PlyParser, SplatBufferGenerator } = await load('@mkkellogg/gaussian-splats-3d');
    const splats = PlyParser.parseToUncompressedSplatArray(buffer(input), +degree);
    // Opacities below 1 of 255 would be left out.
    const generator = SplatBufferGenerator.getStandardGenerator(1, +level, 0);
    writeFileSync(output, new Uint8Array(generator.generateFromUncompressedSplatArray(splats).bufferData));
}

/** The attributes of the splats in a .glb file as three.js reads them, in the axes of the file. */
async function readGlb(input, output) {
    globalThis.self = globalThis;
    const { GLTFLoader } = await load('three/examples/jsm/loaders/GLTFLoader.js');
    const { parser } = await new GLTFLoader().parseAsync(buffer(input), '');
    const primitive = parser.json.meshes[0].primitives[0];
    const attribute = async (name) => parser.getDependency('accessor', primitive.attributes[name]);
    const splat = (name) => attribute(`KHR_gaussian_splatting:${name}`);
    const [means, quats, scales] = [await attribute('POSITION'), await splat('ROTATION'), await splat('SCALE')];
    const opacities = await splat('OPACITY');
    const sh = [];
    for (let index = 0; index < 16; index++) {
        const degree = Math.floor(Math.sqrt(index));
        const name = `SH_DEGREE_${degree}_COEF_${index - degree * degree}`;
        if (`KHR_gaussian_splatting:${name}` in primitive.attributes) sh.push(await splat(name));
    }
    writeRows(output, means.count, (i) => {
        const [x, y, z, w] = part(quats.array, 4, i);
        return [
            ...part(means.array, 3, i), w, x, y, z, ...part(scales.array, 3, i).map(Math.log),
            logit(opacities.array[i]), ...sh.flatMap(({ array }) => part(array, 3, i)),
        ];
    });
}

/** What the validator of the Khronos Group says about a .glb file: a line of code and severity per message. */
async function validate(input) {
    const report = await (await load('gltf-validator')).default.validateBytes(new Uint8Array(readFileSync(input)));
    const { issues } = report;
    if (issues.truncated) throw new Error('too many messages');
    const errors = ['error', 'warning', 'information', 'hint'];
    issues.messages.forEach(({ code, severity, message, pointer }) => {
        console.log(`${errors[severity]}\t${code}\t${pointer ?? ''}\t${message}`);
    });
}

const [, , question, ...files] = process.argv;
await { readSpz, writeSpz, readSplat, writeKsplat, readGlb, validate }[question](...files);

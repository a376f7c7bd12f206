/** The goods of one category. A product combines a style and a thing, which makes 56 to 64 names per category. */
export interface Assortment {
  readonly name: string;
  readonly things: readonly string[];
  readonly styles: readonly string[];
  /** The lowest and the highest price, in whole major units. */
  readonly prices: readonly [number, number];
  readonly facts: readonly string[];
}

export const ASSORTMENTS: readonly Assortment[] = [
  {
    name: 'Stationery',
    things: [
      'Fountain Pen',
      'Notebook',
      'Letter Opener',
      'Ink Bottle',
      'Pencil Set',
      'Desk Pad',
      'Wax Seal',
      'Blotter',
    ],
    styles: ['Walnut', 'Brass', 'Slate Grey', 'Midnight', 'Linen', 'Archive', 'Pocket', 'Scholar’s'],
    prices: [4, 85],
    facts: ['Made for a desk that is used every day.', 'Takes standard refills.', 'Acid-free throughout.'],
  },
  {
    name: 'Books',
    things: ['Field Guide', 'Atlas', 'Cookbook', 'Short Stories', 'History', 'Almanac', 'Reader', 'Companion'],
    styles: [
      'The Lighthouse',
      'The Salt Road',
      'The Old Orchard',
      'The Night Train',
      'The Harbour',
      'The Moor',
      'The Quarry',
    ],
    prices: [9, 45],
    facts: ['Sewn binding, 240 pages.', 'Second edition, with a new preface.', 'Illustrated in two colours.'],
  },
  {
    name: 'Kitchen',
    things: [
      'Saucepan',
      'Chopping Board',
      'Paring Knife',
      'Crème Brûlée Dish',
      'Teapot',
      'Pepper Mill',
      'Colander',
      'Casserole',
    ],
    styles: ['Farmhouse', 'Copper-rimmed', 'Enamelled', 'Olive Wood', 'Stoneware', 'Bistro', 'Everyday', 'Heritage'],
    prices: [12, 160],
    facts: ['Safe in the dishwasher.', 'Suits every hob.', 'Comes with a guarantee of ten years.'],
  },
  {
    name: 'Garden',
    things: ['Trowel', 'Watering Can', 'Secateurs', 'Dibber', 'Bird Feeder', 'Plant Pot', 'Garden Twine', 'Kneeler'],
    styles: ['Ash-handled', 'Galvanised', 'Terracotta', 'Allotment', 'Cottage', 'Orchard', 'Weathered', 'Kew Green'],
    prices: [5, 75],
    facts: ['Happy out of doors all year.', 'Balanced for long afternoons.', 'Rustproof, and made to be mended.'],
  },
  {
    name: 'Toys',
    things: ['Train Set', 'Puzzle', 'Kite', 'Spinning Top', 'Building Blocks', 'Marble Run', 'Puppet', 'Rocking Horse'],
    styles: ['Beechwood', 'Rainbow', 'Pirate', 'Forest', 'Little Explorer', 'Nursery', 'Circus', 'Moonlight'],
    prices: [8, 140],
    facts: ['For children from three years on.', 'Painted with colours safe to chew.', 'Keeps a rainy day busy.'],
  },
  {
    name: 'Clothing',
    things: ['Jumper', 'Scarf', 'T-Shirt', 'Socks', 'Cap', 'Cardigan', 'Apron', 'Gloves'],
    styles: ['Merino', 'Fisherman’s', 'Herringbone', 'Indigo', 'Donegal', 'Harbour', 'Oatmeal', 'Waxed'],
    prices: [11, 180],
    facts: ['Knitted in small batches.', 'Wash cool, dry flat.', 'Cut generously, true to size.'],
  },
  {
    name: 'Lighting',
    things: ['Desk Lamp', 'Lantern', 'Candle Holder', 'Pendant', 'Night Light', 'Wall Light', 'Reading Light'],
    styles: ['Opal', 'Blackened Steel', 'Ångström', 'AC/DC', 'Paper', 'Storm', 'Ceramic', 'Folding'],
    prices: [14, 220],
    facts: ['Dims from a glow to full light.', 'A warm 2,700 K bulb is included.', 'Two metres of woven flex.'],
  },
  {
    name: 'Outdoor',
    things: ['Rucksack', 'Flask', 'Camp Stove', 'Blanket', 'Compass', 'Head Torch', 'Hammock', 'Map Case'],
    styles: ['Ridgeway', 'Tarn', 'Summit', 'Pennine', 'Bothy', 'Trailhead', 'Coastline', 'Featherweight'],
    prices: [10, 240],
    facts: ['Weighs less than you would think.', 'Tested in weather we would rather forget.', 'Repairs are free.'],
  },
  {
    name: 'Music',
    things: ['Ukulele', 'Harmonica', 'Tambourine', 'Recorder', 'Metronome', 'Kalimba', 'Music Stand', 'Bongos'],
    styles: ['Concert', 'Rosewood', 'Student', 'Travel', 'Studio', 'Cedar', 'Vintage', 'Folk'],
    prices: [13, 310],
    facts: ['Set up and tuned before it leaves us.', 'With a soft case.', 'Sounds better with every year.'],
  },
  {
    name: 'Coffee and Tea',
    things: [
      'Coffee Beans',
      'Loose Leaf Tea',
      'Pour-over Cone',
      'Hand Grinder',
      'Tea Tin',
      'Tasting Box',
      'Filter Papers',
    ],
    styles: ['Highland', 'Morning', 'Single Estate', 'Smoky', 'House', 'Golden', 'Late Evening', 'Roaster’s'],
    prices: [6, 95],
    facts: ['Roasted or packed to order.', 'Notes of cocoa and orange.', 'Traded directly with the growers.'],
  },
  {
    name: 'Bathroom',
    things: ['Soap', 'Bath Towel', 'Shaving Brush', 'Bath Oil', 'Nail Brush', 'Soap Dish', 'Sponge', 'Hand Cream'],
    styles: ['Lavender', 'Sea Salt', 'Cedarwood', 'Rosemary', 'Unscented', 'Honey', 'Charcoal', 'Nettle'],
    prices: [4, 60],
    facts: ['Gentle, and kind to drains.', 'Nothing in it that you could not spell.', 'Lasts about three months.'],
  },
  {
    name: 'Tools',
    things: [
      'Hammer',
      'Screwdriver Set',
      'Block Plane',
      'Tape Measure',
      'Marking Gauge',
      'Mallet',
      'Chisel',
      'Tool Roll',
    ],
    styles: ['Joiner’s', 'Hickory', 'Precision', 'Cabinetmaker’s', 'Apprentice', 'Forged', 'Compact', 'Shipwright’s'],
    prices: [9, 190],
    facts: ['Ground and honed by hand.', 'Spare parts are always in stock.', 'Feels right from the first day.'],
  },
];

export const STORE_NAMES: readonly string[] = [
  'Marlow & Finch',
  'The Copper Kettle',
  'Northlight Supply',
  'Birch & Bramble',
  'Harbour Lane',
  'Oldfield General',
  'Pocket & Page',
  'The Quiet Workshop',
  'Saltmarsh Goods',
  'Wren Street',
  'Ember & Ash',
  'Fellside Outfitters',
  'The Paper Mill',
  'Tallow House',
  'Greenhithe Garden Co.',
  'Lantern Yard',
  'Cobble & Co.',
  'Maker’s Row',
  'Thistle Hall',
  'Dovetail Brothers',
];

export const STORE_LINES: readonly string[] = [
  'A family business with a long counter and a short memory for mistakes.',
  'Small things, well made, sent the same day.',
  'We sell what we use ourselves.',
  'Founded in a garage, still run from one.',
];

export const FIRST_NAMES: readonly string[] = [
  'Ada Alma Anouk Basil Beatrix Bruno Carla Cedric Clara Dario Delia Edith Elias Emil Esme Felix Flora Frida Gideon Greta',
  'Hanna Hugo Ida Imani Ines Ivo Jasper Jonas June Kaspar Kira Lena Leo Lior Mabel Malik Mira Nadia Nils Noor',
  'Odile Olive Oscar Otto Pearl Petra Quentin Rafael Rosa Ruben Saskia Selma Silas Tessa Theo Uma Viktor Willa Yara Zeno',
].flatMap((line) => line.split(' '));

export const LAST_NAMES: readonly string[] = [
  'Abbott Archer Barlow Bellamy Calder Castellan Cooper Dalton Draper Ellison Fairley Fenwick Garner Hale Hartley Holm',
  'Ingram Jarvis Keller Lambert Lind Marsh Mercer Nolan Okafor Osborne Palmer Quist Reyes Rowan Sato Sinclair',
  'Sorensen Tanner Thorne Underhill Vance Walsh Weaver Yates',
].flatMap((line) => line.split(' '));

export const STREETS: readonly string[] =
  'High Street|Mill Lane|Station Road|Church Walk|Orchard Close|Quay Street|Park Row|Chapel Hill|Bridge Street|Elm Grove'.split(
    '|',
  );

export const CITIES: readonly (readonly [city: string, postalCode: string, country: string])[] = [
  ['Ely', 'CB7 4DL', 'United Kingdom'],
  ['Bath', 'BA1 1LZ', 'United Kingdom'],
  ['Galway', 'H91 E2K5', 'Ireland'],
  ['Utrecht', '3511 LX', 'Netherlands'],
  ['Lübeck', '23552', 'Germany'],
  ['Aarhus', '8000', 'Denmark'],
  ['Portland', '04101', 'United States'],
  ['Halifax', 'B3H 4R2', 'Canada'],
  ['Porto', '4000-322', 'Portugal'],
  ['Ljubljana', '1000', 'Slovenia'],
];

export const NOTES: readonly string[] = [
  'Please leave it with the neighbour at number 4.',
  'It is a present: no invoice in the parcel, please.',
  'The bell does not work. Knock.',
  'No hurry at all.',
];

export const CANCEL_REASONS: readonly string[] = ['ordered twice', 'found it at home', 'changed my mind'];

//! Whether an archive is consistent, so that decoding it cannot fail.

use super::{Archive, ArchiveColumn, Classes, Codec, Data, Table};

/// Most rows that a codec may transform together.
pub(crate) const MOST_TOGETHER: usize = 1 << 16;

impl Archive {
    /// What is wrong with the archive, if anything; columns of unknown codecs need only have the right length.
    pub fn problem(&self) -> Option<String> {
        let table = self.tables.iter().find(|table| table.rows.checked_mul(table.width) != Some(table.values.len()));
        if let Some(table) = table {
            return Some(format!("table {} has not rows x width values", table.name));
        }
        let same = |(at, table): (usize, &Table)| self.tables[..at].iter().any(|other| other.name == table.name);
        if let Some((_, table)) = self.tables.iter().enumerate().find(|&pair| same(pair)) {
            return Some(format!("two tables {}", table.name));
        }
        let known = |column: &&ArchiveColumn| !matches!(column.codec, Codec::Unknown(_));
        self.columns.iter().filter(known).find_map(|column| self.check_column(column).err()).or_else(|| {
            let lengths = self.columns.iter().find_map(|column| self.check_length(column).err());
            let twice = |(at, column): (usize, &ArchiveColumn)| {
                let before = &self.columns[..at];
                before.iter().any(|other| other.name == column.name).then(|| format!("two columns {}", column.name))
            };
            lengths.or_else(|| self.columns.iter().enumerate().find_map(twice))
        })
    }

    pub(crate) fn check_column(&self, column: &ArchiveColumn) -> Result<(), String> {
        self.check_length(column)?;
        self.check_codec(column, &column.codec).map_err(|problem| format!("column {}: {problem}", column.name))
    }

    fn check_length(&self, column: &ArchiveColumn) -> Result<(), String> {
        match self.rows.checked_mul(column.data.per_row(column.width)) {
            Some(expected) if expected == column.data.len() => Ok(()),
            _ => Err(format!("column {} has {} numbers for {} rows", column.name, column.data.len(), self.rows)),
        }
    }

    fn check_codec(&self, column: &ArchiveColumn, codec: &Codec) -> Result<(), String> {
        let Data::Integers { per_row, .. } = column.data else {
            return if *codec == Codec::Float { Ok(()) } else { Err("floats need the codec of floats".to_owned()) };
        };
        let width = column.width;
        let agree = |what: &str, found: usize, expected: usize| match found == expected {
            true => Ok(()),
            false => Err(format!("{found} {what}, expected {expected}")),
        };
        match codec {
            Codec::Float => Err("integers cannot have the codec of floats".to_owned()),
            Codec::Steps { steps, zeros } => {
                agree("integers per splat", per_row, width)?;
                agree("steps", steps.len(), width)?;
                agree("zeros", zeros.len(), width)
            }
            Codec::Linear { table } => {
                let table = self.known_table(table)?;
                agree("rows in its table", table.rows, per_row + 1)?;
                agree("values per row of its table", table.width, width)
            }
            Codec::Lookup { table } => {
                let table = self.known_table(table)?;
                agree("integers per splat", per_row, width)?;
                agree("values per row of its table", table.width, width)?;
                if table.rows == 0 { Err("its table is empty".to_owned()) } else { Ok(()) }
            }
            Codec::Descending { steps, .. } => {
                agree("integers per splat", per_row, width)?;
                agree("steps", steps.len(), width)?;
                if width == 0 { Err("no values".to_owned()) } else { Ok(()) }
            }
            Codec::Frame { by, needles } => {
                self.check_classes(by)?;
                agree("integers per splat", per_row, 3)?;
                agree("values", width, 4)?;
                agree("kinds of classes", needles.len(), by.count())
            }
            Codec::SmallestThree { bits } => {
                agree("integers per splat", per_row, 4)?;
                agree("values", width, 4)?;
                if (1..=20).contains(bits) { Ok(()) } else { Err(format!("{bits} bits per component")) }
            }
            Codec::Haar { by, weights, block, codec } => {
                self.check_classes(by)?;
                agree("weights", weights.len(), by.count())?;
                if !weights.iter().all(|&weight| (1e-6..=1e6).contains(&weight)) {
                    return Err("weights beyond 1e-6 to 1e6".to_owned());
                }
                if !block.is_power_of_two() || *block > MOST_TOGETHER || per_row == 0 {
                    return Err(format!("{per_row} integers of {block} rows are transformed together"));
                }
                match **codec {
                    Codec::Linear { .. } => self.check_codec(column, codec),
                    _ => Err("only linear decoders can follow a transform".to_owned()),
                }
            }
            Codec::Trimmed { by, bits, codec } => {
                self.check_classes(by)?;
                agree("numbers of bits", bits.len(), by.count().saturating_mul(per_row))?;
                match (bits.iter().max(), &**codec) {
                    (Some(&most), _) if most > 30 => Err(format!("{most} bits that say nothing")),
                    (_, Codec::Trimmed { .. } | Codec::Haar { .. }) => Err("this codec cannot be trimmed".to_owned()),
                    _ => self.check_codec(column, codec),
                }
            }
            Codec::Scaled { by, factors, codec } => {
                self.check_classes(by)?;
                agree("factors", factors.len(), by.count())?;
                match **codec {
                    Codec::Steps { .. } | Codec::Linear { .. } => self.check_codec(column, codec),
                    _ => Err("only steps and linear decoders can be scaled".to_owned()),
                }
            }
            Codec::Unknown(_) => Err("stored in a way that this version does not know".to_owned()),
        }
    }

    /// Whether the integers that sort rows into classes exist. More than a few classes would be a mistake.
    pub(crate) fn check_classes(&self, classes: &Classes) -> Result<(), String> {
        let mut count = 1_usize;
        for (name, integer, bounds) in &classes.criteria {
            let (per_row, values) = self.integers_of(name)?;
            if *integer >= per_row || values.len() != self.rows * per_row {
                return Err(format!("column {name} has no integer {integer} in each row"));
            }
            if bounds.windows(2).any(|pair| pair[0] > pair[1]) {
                return Err(format!("classes by column {name} are not in order"));
            }
            count = count.saturating_mul(bounds.len() + 1);
        }
        if count > 4096 { Err(format!("{count} classes of rows")) } else { Ok(()) }
    }
}

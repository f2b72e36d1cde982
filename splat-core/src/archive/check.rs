//! Whether an archive is consistent, so that decoding it cannot fail.

use super::{Archive, ArchiveColumn, Classes, Codec, Data};

impl Archive {
    /// What is wrong with the archive, if anything; columns of unknown codecs need only have the right length.
    pub fn problem(&self) -> Option<String> {
        let table = self.tables.iter().find(|table| table.rows.checked_mul(table.width) != Some(table.values.len()));
        if let Some(table) = table {
            return Some(format!("table {} has not rows x width values", table.name));
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

    pub(super) fn check_column(&self, column: &ArchiveColumn) -> Result<(), String> {
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

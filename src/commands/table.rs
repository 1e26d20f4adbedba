//! Plain tables: columns as wide as their widest cell, two spaces between.

/// Lays `rows` out. Trailing white space is cut, so that output can be compared.
pub fn layout(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut out = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            let padding = width - cell.chars().count();
            line.push_str(cell);
            line.extend(std::iter::repeat_n(' ', padding + 2));
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// The same, row by row.
pub fn aligned(rows: &[Vec<String>]) -> Vec<String> {
    layout(rows).lines().map(str::to_owned).collect()
}

/// A table that follows another one.
pub fn apart(table: &str) -> String {
    if table.is_empty() {
        String::new()
    } else {
        format!("\n{table}")
    }
}

/// One item a line.
pub fn lines(items: &[String]) -> String {
    items
        .iter()
        .flat_map(|item| [item.as_str(), "\n"])
        .collect()
}

/// A row of borrowed cells.
pub fn row(cells: &[&str]) -> Vec<String> {
    cells.iter().map(|cell| (*cell).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::{layout, row};

    #[test]
    fn columns_line_up() {
        assert_eq!(
            layout(&[row(&["a", "é", "x"]), row(&["long", "b"])]),
            "a     é  x\nlong  b\n"
        );
    }
}

#if PARQUET
using ParquetSharp;
using SemAim.Runtime;

namespace SemAim.App;

/// <summary>Pictures of Hugging Face style parquet files: a column <c>image.bytes</c> (or <c>image</c>) with the encoded file and one <c>label</c>, where there is one. Part of builds with <c>-p:Parquet=true</c>.</summary>
/// <remarks>A row group is the smallest unit that can be read, so training reads shards instead: <c>data-pack</c>.</remarks>
internal static unsafe class ParquetPictures
{
    /// <summary>All pictures in order; a label of −1 where the file has none. Holds a row group at a time.</summary>
    /// <exception cref="RefusedException">not such a file</exception>
    internal static IEnumerable<(ReadOnlyMemory<byte> Picture, int Label)> Read(IEnumerable<string> files)
    {
        foreach (var path in files)
        {
            using var reader = Open(path);
            var (images, labels) = (Column(reader, "image.bytes", "image"), Column(reader, "label"));
            if (images < 0) throw new RefusedException($"{path}: there is no column image.bytes");
            for (var g = 0; g < reader.FileMetaData.NumRowGroups; g++)
            {
                List<(byte[], int)> rows;
                try { rows = Rows(reader, g, images, labels); }
                catch (Exception e) when (e is ParquetException or InvalidCastException or OverflowException) { throw new RefusedException($"{path}: row group {g}: {e.Message}", e); }
                foreach (var (picture, label) in rows) yield return (picture, label);
            }
        }
    }

    private static ParquetFileReader Open(string path)
    {
        try { return new ParquetFileReader(path); }
        catch (ParquetException e) { throw new RefusedException($"{path}: not a parquet file: {e.Message}", e); }
    }

    private static int Column(ParquetFileReader reader, params string[] names)
    {
        var schema = reader.FileMetaData.Schema;
        for (var i = 0; i < schema.NumColumns; i++)
            if (names.Contains(schema.Column(i).Path.ToDotString())) return i;
        return -1;
    }

    private static List<(byte[], int)> Rows(ParquetFileReader reader, int number, int images, int labels)
    {
        using var group = reader.RowGroup(number);
        var rows = checked((int)group.MetaData.NumRows);
        var pictures = new List<byte[]>(Math.Min(rows, 1 << 16));
        Span<short> definition = stackalloc short[256], repetition = stackalloc short[256];
        // the physical reader's values point into the library's memory and live until the next batch: each is copied once
        using (var column = (ColumnReader<ByteArray>)group.Column(images))
        {
            var values = new ByteArray[256];
            while (column.HasNext)
            {
                var levels = column.ReadBatch(values.Length, definition, repetition, values, out var read);
                if (read != levels) throw new ParquetException("", $"a row between {pictures.Count} and {pictures.Count + levels} has no picture");
                for (var i = 0; i < read; i++) pictures.Add(new ReadOnlySpan<byte>((void*)values[i].Pointer, values[i].Length).ToArray());
            }
        }
        var numbers = new List<int>(pictures.Count);
        if (labels < 0) return [.. pictures.Select(p => (p, -1))];
        using var label = group.Column(labels);
        if (label is ColumnReader<long> wide) Labels(wide, numbers, v => checked((int)v));
        else if (label is ColumnReader<int> narrow) Labels(narrow, numbers, v => v);
        else throw new ParquetException("", "labels are not whole numbers");
        if (numbers.Count != pictures.Count) throw new ParquetException("", $"{pictures.Count} pictures and {numbers.Count} labels");
        return [.. pictures.Zip(numbers)];
    }

    private static void Labels<T>(ColumnReader<T> column, List<int> numbers, Func<T, int> number) where T : unmanaged
    {
        Span<short> definition = stackalloc short[256], repetition = stackalloc short[256];
        var values = new T[256];
        while (column.HasNext)
        {
            var levels = column.ReadBatch(values.Length, definition, repetition, values, out var read);
            if (read != levels) throw new ParquetException("", "a row has no label");
            for (var i = 0; i < read; i++) numbers.Add(number(values[i]));
        }
    }
}
#endif

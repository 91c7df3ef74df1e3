#if PARQUET
using System.Runtime.InteropServices;
using ParquetSharp;
using ParquetSharp.Schema;
using SemAim.Runtime.Data;

namespace SemAim.App.Tests;

/// <summary>Writes pictures as Hugging Face's datasets do: <c>image</c> with <c>bytes</c> and <c>path</c>, and <c>label</c>, all of them optional.</summary>
internal static class ParquetFile
{
    internal static void Write(string path, ISampleSource source, int first, int count, int rowsAGroup)
    {
        using var bytes = new PrimitiveNode("bytes", Repetition.Optional, LogicalType.None(), PhysicalType.ByteArray);
        using var name = new PrimitiveNode("path", Repetition.Optional, LogicalType.String(), PhysicalType.ByteArray);
        using var label = new PrimitiveNode("label", Repetition.Optional, LogicalType.None(), PhysicalType.Int64);
        using var image = new GroupNode("image", Repetition.Optional, [bytes, name]);
        using var schema = new GroupNode("schema", Repetition.Required, [image, label]);
        using var properties = WriterProperties.GetDefaultWriterProperties();
        using var writer = new ParquetFileWriter(path, schema, properties);
        for (var at = first; at < first + count; at += rowsAGroup)
        {
            int[] rows = [.. Enumerable.Range(at, Math.Min(rowsAGroup, first + count - at))];
            using var group = writer.AppendRowGroup();
            Texts(group, [.. rows.Select(r => Picture(source, r))]);
            Texts(group, [.. rows.Select(r => System.Text.Encoding.UTF8.GetBytes(source.Name(r)))]);
            using var column = (ColumnWriter<long>)group.NextColumn();
            column.WriteBatch(rows.Length, Levels(rows.Length, 1), Levels(rows.Length, 0), [.. rows.Select(r => (long)source.Label(r))]);
        }
        writer.Close();
    }

    private static void Texts(RowGroupWriter group, byte[][] values)
    {
        var pins = values.Select(v => GCHandle.Alloc(v, GCHandleType.Pinned)).ToList();
        using (var column = (ColumnWriter<ByteArray>)group.NextColumn())
            column.WriteBatch(values.Length, Levels(values.Length, 2), Levels(values.Length, 0), [.. values.Select((v, i) => new ByteArray(pins[i].AddrOfPinnedObject(), v.Length))]);
        pins.ForEach(p => p.Free());
    }

    private static short[] Levels(int count, short level) => [.. Enumerable.Repeat(level, count)];

    private static byte[] Picture(ISampleSource source, int index)
    {
        byte[] buffer = [];
        var length = source.Read(index, ref buffer);
        return buffer[..length];
    }
}
#endif

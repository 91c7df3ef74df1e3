#if PARQUET
using System.Runtime.InteropServices;
using ParquetSharp;
using ParquetSharp.Schema;

namespace SemAim.App.Tests;

/// <summary>Writes pictures as Hugging Face's datasets do: <c>image</c> with <c>bytes</c> and <c>path</c>, and <c>label</c>, all of them optional.</summary>
internal static class ParquetFile
{
    /// <param name="image">name of the column of pictures</param>
    /// <param name="label">of the labels</param>
    /// <param name="metadata">what the file says beside the columns</param>
    internal static void Write(string path, IReadOnlyList<(byte[]? Picture, long? Label)> rows, int rowsAGroup, string image = "bytes", string label = "label", string metadata = "")
    {
        using var bytes = new PrimitiveNode(image, Repetition.Optional, LogicalType.None(), PhysicalType.ByteArray);
        using var name = new PrimitiveNode("path", Repetition.Optional, LogicalType.String(), PhysicalType.ByteArray);
        using var number = new PrimitiveNode(label, Repetition.Optional, LogicalType.None(), PhysicalType.Int64);
        using var pair = new GroupNode("image", Repetition.Optional, [bytes, name]);
        using var schema = new GroupNode("schema", Repetition.Required, [pair, number]);
        using var properties = WriterProperties.GetDefaultWriterProperties();
        using var writer = new ParquetFileWriter(path, schema, properties, metadata.Length > 0 ? new Dictionary<string, string> { ["huggingface"] = metadata } : null);
        for (var at = 0; at < rows.Count; at += rowsAGroup)
        {
            var some = rows.Skip(at).Take(rowsAGroup).ToList();
            using var group = writer.AppendRowGroup();
            Texts(group, [.. some.Select(r => r.Picture)]);
            Texts(group, [.. some.Select((_, i) => System.Text.Encoding.UTF8.GetBytes($"{at + i}.jpg"))]);
            using var column = (ColumnWriter<long>)group.NextColumn();
            column.WriteBatch(some.Count, [.. some.Select(r => (short)(r.Label is null ? 0 : 1))], new short[some.Count], [.. some.Where(r => r.Label is not null).Select(r => r.Label!.Value)]);
        }
        writer.Close();
    }

    private static void Texts(RowGroupWriter group, byte[]?[] values)
    {
        var pins = values.OfType<byte[]>().Select(v => (Pin: GCHandle.Alloc(v, GCHandleType.Pinned), v.Length)).ToList();
        using (var column = (ColumnWriter<ByteArray>)group.NextColumn())
            column.WriteBatch(values.Length, [.. values.Select(v => (short)(v is null ? 1 : 2))], new short[values.Length], [.. pins.Select(p => new ByteArray(p.Pin.AddrOfPinnedObject(), p.Length))]);
        pins.ForEach(p => p.Pin.Free());
    }
}
#endif

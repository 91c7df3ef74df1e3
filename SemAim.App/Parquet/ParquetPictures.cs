#if PARQUET
using System.Text.Json;
using ParquetSharp;
using SemAim.Runtime;

namespace SemAim.App;

/// <summary>Pictures of Hugging Face style parquet files: a column <c>image.bytes</c> (or <c>image</c>) with the encoded file and one <c>label</c>, where there is one. Part of builds with <c>-p:Parquet=true</c>.</summary>
/// <remarks>A row group is the smallest unit that can be read, so training reads shards instead: <c>data-pack</c>.</remarks>
internal static class ParquetPictures
{
    private const int Batch = 64;               // rows that are held

    /// <summary>All pictures in order; a label of −1 where a row has none.</summary>
    /// <param name="classes">how many there are; 0: not known</param>
    /// <param name="mostBytes">of a picture</param>
    /// <exception cref="RefusedException">not such a file</exception>
    internal static IEnumerable<(ReadOnlyMemory<byte> Picture, int Label)> Read(IEnumerable<string> files, int classes, long mostBytes)
    {
        foreach (var path in files)
        {
            using var reader = Open(path);
            var groups = Refusing(path, () => reader.FileMetaData.NumRowGroups);
            for (var g = 0; g < groups; g++)
            {
                using var rows = Refusing($"{path}: row group {g}", () => new GroupRows(reader, g, classes, mostBytes));
                while (Refusing($"{path}: row group {g}", rows.Next) is { Count: > 0 } batch)
                    foreach (var (picture, label) in batch) yield return (picture, label);
            }
        }
    }

    /// <summary>The names of the classes that the writer of the file knew; empty where it says nothing.</summary>
    /// <exception cref="RefusedException">not such a file</exception>
    internal static IReadOnlyList<string> Classes(string path)
    {
        using var reader = Open(path);
        if (!Refusing(path, () => reader.FileMetaData.KeyValueMetadata).TryGetValue("huggingface", out var text)) return [];
        try
        {
            using var json = JsonDocument.Parse(text);
            var names = json.RootElement.GetProperty("info").GetProperty("features").GetProperty("label").GetProperty("names");
            return [.. names.EnumerateArray().Select(n => n.GetString() ?? throw new KeyNotFoundException())];
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            return [];
        }
    }

    private static ParquetFileReader Open(string path) => Refusing(path, () =>
    {
        using var properties = ReaderProperties.GetDefaultReaderProperties();
        properties.EnableBufferedStream();              // a column of a row group may be larger than the memory
        properties.BufferSize = 1 << 20;
        properties.EnablePageChecksumVerification();
        return new ParquetFileReader(path, properties);
    });

    // what the library finds in a file is the file's fault
    private static T Refusing<T>(string where, Func<T> read)
    {
        try { return read(); }
        catch (Exception e) when (e is ParquetException or InvalidCastException or OverflowException or InvalidDataException or NotSupportedException)
        {
            throw new RefusedException($"{where}: {string.Join(' ', e.Message.Split(['\r', '\n', '\t', ' '], StringSplitOptions.RemoveEmptyEntries))}", e);
        }
    }

    /// <summary>The rows of a row group, some at a time.</summary>
    private sealed unsafe class GroupRows : IDisposable
    {
        private readonly RowGroupReader _group;
        private readonly ColumnReader<ByteArray> _pictures;
        private readonly ColumnReader? _labels;
        private readonly int _classes;
        private readonly long _mostBytes, _count;
        private readonly ByteArray[] _values = new ByteArray[Batch];
        private readonly long[] _wide = new long[Batch];
        private readonly int[] _narrow = new int[Batch];
        private readonly short[] _definition = new short[Batch], _repetition = new short[Batch];
        private readonly List<(byte[] Picture, int Label)> _rows = new(Batch);
        private long _done;

        internal GroupRows(ParquetFileReader reader, int number, int classes, long mostBytes)
        {
            (_classes, _mostBytes) = (classes, mostBytes);
            var schema = reader.FileMetaData.Schema;
            var names = Enumerable.Range(0, schema.NumColumns).Select(i => schema.Column(i).Path.ToDotString()).ToList();
            var images = names.IndexOf("image.bytes") is >= 0 and var bytes ? bytes : names.IndexOf("image");
            if (images < 0) throw new InvalidDataException($"there is no column image.bytes among {string.Join(", ", names.Take(20))}");
            var labels = names.IndexOf("label");
            foreach (var i in new[] { images, labels })
                if (i >= 0 && schema.Column(i).MaxRepetitionLevel > 0) throw new InvalidDataException($"column {names[i]} holds lists");
            if (schema.Column(images).PhysicalType != PhysicalType.ByteArray) throw new InvalidDataException($"column {names[images]} is {schema.Column(images).PhysicalType}, not bytes");
            if (labels >= 0 && schema.Column(labels).PhysicalType is not (PhysicalType.Int32 or PhysicalType.Int64)) throw new InvalidDataException($"column label is {schema.Column(labels).PhysicalType}, not whole numbers");
            _group = reader.RowGroup(number);
            try
            {
                _count = _group.MetaData.NumRows;
                _pictures = (ColumnReader<ByteArray>)_group.Column(images);
                _labels = labels < 0 ? null : _group.Column(labels);
            }
            catch
            {
                Dispose();
                throw;
            }
        }

        /// <summary>The next rows, each picture a copy: the library's memory lives until its next batch. None at the end.</summary>
        internal IReadOnlyList<(byte[] Picture, int Label)> Next()
        {
            _rows.Clear();
            if (!_pictures.HasNext)
            {
                if (_done != _count) throw new InvalidDataException($"{_done} rows where {_count} are announced");
                return _rows;
            }
            var levels = checked((int)_pictures.ReadBatch(Batch, _definition, _repetition, _values, out var read));
            if (read != levels) throw new InvalidDataException($"row {Missing(_pictures, levels)} has no picture");
            if (_done + levels > _count || levels == 0) throw new InvalidDataException($"{_done + levels} rows where {_count} are announced");
            for (var i = 0; i < levels; i++)
            {
                var value = _values[i];
                if (value.Length < 0 || value.Length > _mostBytes) throw new InvalidDataException($"row {_done + i}: a picture of {value.Length} bytes, above --max_file_bytes {_mostBytes}");
                _rows.Add((new ReadOnlySpan<byte>((void*)value.Pointer, value.Length).ToArray(), -1));
            }
            for (var at = 0; _labels is not null && at < levels;) at += Labels(at, levels - at);
            _done += levels;
            return _rows;
        }

        private int Labels(int at, int wanted)
        {
            long read = 0;
            var levels = _labels switch
            {
                ColumnReader<long> c => (int)c.ReadBatch(wanted, _definition, _repetition, _wide, out read),
                ColumnReader<int> c => (int)c.ReadBatch(wanted, _definition, _repetition, _narrow, out read),
                _ => throw new InvalidDataException("labels are not whole numbers"),
            };
            if (levels <= 0) throw new InvalidDataException($"row {_done + at} has no label: the column ends");
            if (read != levels) throw new InvalidDataException($"row {Missing(_labels, levels) + at} has no label");
            for (var i = 0; i < levels; i++)
            {
                var label = _labels is ColumnReader<long> ? _wide[i] : _narrow[i];
                if (label < -1 || label >= (_classes > 0 ? _classes : int.MaxValue)) throw new InvalidDataException($"row {_done + at + i}: label {label}{(_classes > 0 ? $" of {_classes} classes" : "")}");
                _rows[at + i] = (_rows[at + i].Picture, (int)label);
            }
            return levels;
        }

        private long Missing(ColumnReader column, int levels) => _done + Math.Max(0, Array.FindIndex(_definition, 0, levels, d => d < column.ColumnDescriptor.MaxDefinitionLevel));

        public void Dispose()
        {
            _labels?.Dispose();
            _pictures?.Dispose();
            _group.Dispose();
        }
    }
}
#endif

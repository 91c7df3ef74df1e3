using static TorchSharp.torch;

namespace SemAim.Runtime.Checkpoints;

/// <summary>Element types of weight files by the names that files use; pure tables, so that files can be looked at without libtorch.</summary>
internal static class ElementTypes
{
    // type, bytes of an element, name in safetensors, name in torch.save
    private static readonly (ScalarType Type, int Size, string Name, string Storage)[] Table =
    [
        (ScalarType.Float64, 8, "F64", "DoubleStorage"), (ScalarType.Float32, 4, "F32", "FloatStorage"), (ScalarType.Float16, 2, "F16", "HalfStorage"), (ScalarType.BFloat16, 2, "BF16", "BFloat16Storage"),
        (ScalarType.Int64, 8, "I64", "LongStorage"), (ScalarType.Int32, 4, "I32", "IntStorage"), (ScalarType.Int16, 2, "I16", "ShortStorage"), (ScalarType.Int8, 1, "I8", "CharStorage"),
        (ScalarType.Byte, 1, "U8", "ByteStorage"), (ScalarType.Bool, 1, "BOOL", "BoolStorage"),
    ];

    /// <summary>Bytes of one element.</summary>
    internal static int Size(ScalarType type) => Row(type).Size;

    /// <summary>As safetensors writes it: F32.</summary>
    internal static string Name(ScalarType type) => Row(type).Name;

    /// <summary>As torch.save writes it: FloatStorage.</summary>
    internal static string Storage(ScalarType type) => Row(type).Storage;

    /// <summary>The type of that name in safetensors, or null.</summary>
    internal static ScalarType? Named(string? name) => Table.FirstOrDefault(r => r.Name == name) is { Size: > 0 } row ? row.Type : null;

    /// <summary>The type of that storage in torch.save, or null.</summary>
    internal static ScalarType? OfStorage(string name) => Table.FirstOrDefault(r => r.Storage == name) is { Size: > 0 } row ? row.Type : null;

    /// <summary>A number of a file's type.</summary>
    internal static bool IsFloating(ScalarType type) => type is ScalarType.Float64 or ScalarType.Float32 or ScalarType.Float16 or ScalarType.BFloat16;

    private static (ScalarType Type, int Size, string Name, string Storage) Row(ScalarType type)
        => Table.FirstOrDefault(r => r.Type == type) is { Size: > 0 } row ? row : throw new ArgumentException($"weight files have no type {type}");
}
